"""The last steps of a glyph: Pillow's QUAD transform, the mask upstream makes, and the paste.

Source: ``quad_transform`` and ``nearest_filter32`` in Geometry.c, ``rgba2l`` in
Convert.c, ``paste_mask_L`` in Paste.c.
"""

import numpy as np
import numpy.typing as npt

from .compiled import compiled

Corners = tuple[int, int, int, int]


@compiled
def warp_and_paste(
    glyph: npt.NDArray[np.uint32],
    size: tuple[int, int, int, int],
    corners: Corners,
    straight: bool,
    unpremultiplied: npt.NDArray[np.uint8],
    canvas: npt.NDArray[np.uint8],
    limits: tuple[int, int],
    place: tuple[int, int],
) -> None:
    """Warp a resized glyph and paste it.

    Parameters
    ----------
    glyph
        uint32 of shape (at least h2, at least w2), row-major, R in the lowest byte.
    size
        w2, h2 of `glyph`, then width and height of the warped one.
    corners
        Upstream's x1, y1, x2, y2.
    straight
        Whether `glyph` holds straight colours; otherwise they are premultiplied.
    unpremultiplied
        uint8 of shape (65536,): the straight value of v under alpha a, at 256 a + v.
    canvas
        uint8 of shape (columns, at least 3 × height), column-major RGB.
    limits
        Width and height of the canvas, in pixels.
    place
        Left and top edge of the glyph on it, in pixels.
    """
    w2, h2, width, height = size
    x1, y1, x2, y2 = corners
    columns, rows = limits
    left, top = place
    per_x, per_y = 1.0 / width, 1.0 / height
    # The corners are (x1, y1), (-x1, h2 - y2), (w2 + x2, h2 + y2), (w2 - x2, -y1), anticlockwise.
    a0, a1, a2 = float(x1), (w2 - x2 - x1) * per_x, (-x1 - x1) * per_y
    a3 = (w2 + x2 + x1 - (w2 - x2) + x1) * per_x * per_y
    a4, a5, a6 = float(y1), (-y1 - y1) * per_x, (h2 - y2 - y1) * per_y
    a7 = (h2 + y2 - (h2 - y2) + y1 + y1) * per_x * per_y
    from_y, to_y = max(0, -top), min(height, rows - top)
    if from_y >= to_y:
        return
    seen = np.uint32(0)
    red = green = blue = opacity = np.int32(0)
    for x in range(max(0, -left), min(width, columns - left)):
        column = np.uint64(left + x)
        x_first, x_across = a0 + a1 * (x + 0.5), a3 * (x + 0.5)
        y_first, y_across = a4 + a5 * (x + 0.5), a7 * (x + 0.5)
        for y in range(from_y, to_y):
            u = x_first + a2 * (y + 0.5) + x_across * (y + 0.5)
            v = y_first + a6 * (y + 0.5) + y_across * (y + 0.5)
            if u < 0.0 or v < 0.0 or u >= w2 or v >= h2:
                continue
            pixel = glyph[np.uint64(np.int64(v)), np.uint64(np.int64(u))]
            if pixel & np.uint32(0xFFFFFF) == np.uint32(0):
                continue
            if pixel != seen:
                seen = pixel
                red, green, blue = (
                    np.int32(pixel & np.uint32(255)),
                    np.int32(pixel >> np.uint32(8) & np.uint32(255)),
                    np.int32(pixel >> np.uint32(16) & np.uint32(255)),
                )
                if not straight:
                    alpha = np.uint64(pixel >> np.uint32(24)) << np.uint64(8)
                    red = np.int32(unpremultiplied[alpha + np.uint64(red)])
                    green = np.int32(unpremultiplied[alpha + np.uint64(green)])
                    blue = np.int32(unpremultiplied[alpha + np.uint64(blue)])
                luma = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
                opacity = np.int32(min(int(luma * 1.97), 255))
            at = np.uint64(3) * np.uint64(top + y)
            canvas[column, at] = _blend(canvas[column, at], red, opacity)
            canvas[column, at + np.uint64(1)] = _blend(canvas[column, at + np.uint64(1)], green, opacity)
            canvas[column, at + np.uint64(2)] = _blend(canvas[column, at + np.uint64(2)], blue, opacity)


@compiled
def _blend(under: np.uint8, over: np.int32, opacity: np.int32) -> np.uint8:
    total = np.int32(under) * (np.int32(255) - opacity) + over * opacity + np.int32(128)
    return np.uint8(((total >> np.int32(8)) + total) >> np.int32(8))
