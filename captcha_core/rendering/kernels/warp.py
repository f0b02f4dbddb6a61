"""The last steps of a glyph: Pillow's QUAD transform, the mask upstream makes, and the paste.

Source: ``quad_transform`` and ``nearest_filter32`` in Geometry.c, ``rgba2l`` in
Convert.c, ``paste_mask_L`` in Paste.c.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .compiled import compiled
from .records import Lookups


class Warp(NamedTuple):
    """A warp: the sizes of the glyph before and after, and the moves of its corners, in pixels."""

    w2: int
    h2: int
    """Width and height before."""
    width: int
    height: int
    """Width and height after."""
    x1: int
    y1: int
    x2: int
    y2: int
    """The moves of the corners, by upstream's names."""
    straight: bool
    """Whether the glyph's colours are straight; otherwise they are premultiplied."""


@compiled
def warp_and_paste(
    glyph: npt.NDArray[np.uint32],
    warp: Warp,
    unpremultiplied: npt.NDArray[np.uint8],
    canvas: npt.NDArray[np.uint8],
    limits: tuple[int, int],
    position: tuple[int, int],
    lookups: Lookups,
) -> None:
    """Warp a resized glyph and paste it.

    Parameters
    ----------
    glyph
        uint32 of shape (more than h2, at least w2), row-major, R in the lowest byte. The very
        last pixel is 0.
    unpremultiplied
        uint8 of shape (65536,): the straight value of v under alpha a, at 256 a + v.
    canvas
        uint8 of shape (columns, at least 3 × height), column-major RGB.
    limits
        Width and height of the canvas, in pixels.
    position
        Left and top edge of the glyph on it, in pixels.
    lookups
        At least as long as the warped glyph is wide or high.
    """
    w2, h2, width, height, x1, y1, x2, y2, straight = warp
    columns, rows = limits
    left, top = position
    per_x, per_y = 1.0 / width, 1.0 / height
    # The corners are (x1, y1), (-x1, h2 - y2), (w2 + x2, h2 + y2), (w2 - x2, -y1), anticlockwise.
    a0, a1, a2 = float(x1), (w2 - x2 - x1) * per_x, (-x1 - x1) * per_y
    a3 = (w2 + x2 + x1 - (w2 - x2) + x1) * per_x * per_y
    a4, a5, a6 = float(y1), (-y1 - y1) * per_x, (h2 - y2 - y1) * per_y
    a7 = (h2 + y2 - (h2 - y2) + y1 + y1) * per_x * per_y
    from_y, to_y = max(0, -top), min(height, rows - top)
    if from_y >= to_y:
        return
    right, bottom, stride = float(w2), float(h2), np.int32(glyph.shape[1])
    outside = np.int32(glyph.size - 1)
    pixels = glyph.ravel()
    middles, sources = lookups.middles, lookups.sources
    ink = _Ink(np.uint32(0), np.int32(0), np.int32(0), np.int32(0), np.int32(255))
    for x in range(max(0, -left), min(width, columns - left)):
        x_first, x_across = a0 + a1 * middles[x], a3 * middles[x]
        y_first, y_across = a4 + a5 * middles[x], a7 * middles[x]
        for y in range(np.uint64(height)):
            u = x_first + a2 * middles[y] + x_across * middles[y]
            v = y_first + a6 * middles[y] + y_across * middles[y]
            inside = (u >= 0.0) & (v >= 0.0) & (u < right) & (v < bottom)
            offset = np.int32(np.int32(np.int32(v) * stride) + np.int32(u))
            sources[y] = offset if inside else outside
        column = np.uint64(left + x)
        for y in range(np.uint64(from_y), np.uint64(to_y)):
            pixel = pixels[np.uint64(sources[y])]
            if pixel & np.uint32(0xFFFFFF) == np.uint32(0):
                continue
            if pixel != ink.pixel:
                ink = _ink(pixel, straight, unpremultiplied)
            at_red = np.uint64(3) * (y + np.uint64(top))
            at_green, at_blue = at_red + np.uint64(1), at_red + np.uint64(2)
            canvas[column, at_red] = _blend(canvas[column, at_red], ink.red, ink.transparency)
            canvas[column, at_green] = _blend(canvas[column, at_green], ink.green, ink.transparency)
            canvas[column, at_blue] = _blend(canvas[column, at_blue], ink.blue, ink.transparency)


class _Ink(NamedTuple):
    """The contribution of a glyph's pixel to the canvas."""

    pixel: np.uint32
    red: np.int32
    green: np.int32
    blue: np.int32
    """Colours times opacity, with 128 added for rounding."""
    transparency: np.int32
    """255 less the opacity."""


@compiled
def _ink(pixel: np.uint32, straight: bool, unpremultiplied: npt.NDArray[np.uint8]) -> _Ink:
    p, byte = np.uint64(pixel), np.uint64(255)
    red, green, blue = p & byte, p >> np.uint64(8) & byte, p >> np.uint64(16) & byte
    if not straight:
        alpha = p >> np.uint64(24) << np.uint64(8)
        red = np.uint64(unpremultiplied[alpha + red])
        green = np.uint64(unpremultiplied[alpha + green])
        blue = np.uint64(unpremultiplied[alpha + blue])
    r, g, b = np.int64(red), np.int64(green), np.int64(blue)
    luma = (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16
    opacity = min(int(luma * 1.97), 255)
    return _Ink(
        pixel,
        np.int32(r * opacity + 128),
        np.int32(g * opacity + 128),
        np.int32(b * opacity + 128),
        np.int32(255 - opacity),
    )


@compiled
def _blend(under: np.uint8, over: np.int32, transparency: np.int32) -> np.uint8:
    total = np.int32(np.int32(under) * transparency + over)
    return np.uint8(((total >> np.int32(8)) + total) >> np.int32(8))
