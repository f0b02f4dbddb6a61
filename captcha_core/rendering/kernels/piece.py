"""One glyph, from its mask to the canvas: clipped, rotated, resized, warped and pasted."""

import numpy as np
import numpy.typing as npt

from .compiled import compiled
from .records import (
    COLUMNS,
    DX,
    DY,
    HEIGHT,
    LEFT,
    ROWS,
    SLOT,
    START,
    TOP,
    WIDTH,
    X1,
    X2,
    Y1,
    Y2,
    Colour,
    Glyphs,
    Parameters,
    Scratch,
    Tables,
)
from .resampling import filter_weights, resample
from .rotation import copy_unrotated, rotate, rotation_map
from .warp import Warp, warp_and_paste


@compiled
def multiply_255(a: int, b: int) -> int:
    """Return a * b / 255, rounded as MULDIV255 of ImagingUtils.h rounds."""
    product = a * b + 128
    return ((product >> 8) + product) >> 8


@compiled
def tabulate_premultiplied(colour: Colour, premultiplied: npt.NDArray[np.float64]) -> None:
    """Tabulate the premultiplied R, G, B, A of each coverage; float64 of shape (256, 4)."""
    for coverage in range(256):
        alpha = multiply_255(coverage, colour[3])
        premultiplied[coverage, 0] = multiply_255(colour[0], alpha)
        premultiplied[coverage, 1] = multiply_255(colour[1], alpha)
        premultiplied[coverage, 2] = multiply_255(colour[2], alpha)
        premultiplied[coverage, 3] = alpha


@compiled
def _tabulate_pixels(colour: Colour, straight: bool, pixels_by_coverage: npt.NDArray[np.uint32]) -> None:
    """Tabulate the pixel of each coverage, straight or premultiplied."""
    for coverage in range(256):
        alpha = multiply_255(coverage, colour[3])
        weight = 255 if straight else alpha
        red, green, blue = (
            multiply_255(colour[0], weight),
            multiply_255(colour[1], weight),
            multiply_255(colour[2], weight),
        )
        pixels_by_coverage[coverage] = red | green << 8 | blue << 16 | alpha << 24


@compiled
def paint_piece(
    piece: int,
    offset: int,
    width: int,
    colour: Colour,
    parameters: Parameters,
    glyphs: Glyphs,
    tables: Tables,
    scratch: Scratch,
) -> bool:
    """Rotate, resize, warp and paste one glyph.

    Parameters
    ----------
    piece
        The glyph's row in `scratch.pieces`, filled by `draw_pieces`.
    offset
        The glyph's left edge on the canvas, in pixels.
    width
        Width of the canvas, in pixels.

    Returns
    -------
    False if the angle is 90, 180 or 270 degrees, where Pillow transposes instead of rotating
    """
    drawn = scratch.pieces[piece]
    metrics = glyphs.table[drawn[SLOT]]
    if metrics[COLUMNS] == 0 or colour[3] == 0:
        return True
    masks, start, columns, rows = glyphs.masks, metrics[START], metrics[COLUMNS], metrics[ROWS]
    dx, dy, w, h = drawn[DX], drawn[DY], metrics[WIDTH], metrics[HEIGHT]
    inside = metrics[LEFT] + dx >= 0 and metrics[TOP] + dy >= 0
    inside = inside and metrics[LEFT] + columns <= w and metrics[TOP] + rows <= h
    if not inside or multiply_255(1, colour[3]) == 0:
        masks, start = scratch.clipped, 0
        columns, rows = _clip_mask(metrics, dx, dy, colour[3], glyphs.masks, scratch.clipped)
        if columns == 0:
            return True
    angle = scratch.angles[piece] % 360.0
    if angle != 0.0 and angle % 90.0 == 0.0:
        return False
    rotation = rotation_map(angle, columns, rows)
    w2 = w + abs(drawn[X1]) + abs(drawn[X2])
    h2 = h + abs(drawn[Y1]) + abs(drawn[Y2])
    rotated_w, rotated_h = (columns, rows) if angle == 0.0 else (rotation.width, rotation.height)
    straight = rotated_w == w2 and rotated_h == h2
    if angle == 0.0:
        _tabulate_pixels(colour, straight, scratch.pixels_by_coverage)
        copy_unrotated(masks, start, columns, rows, scratch.pixels_by_coverage, scratch.rotated_pixels)
    else:
        pixels = tables.straight if straight else tables.round_trip
        rotate(
            masks,
            start,
            rotation,
            scratch.premultiplied,
            pixels,
            scratch.rotated_pixels,
            scratch.lookups,
        )
    if straight:
        _transpose(scratch.rotated_pixels, rotated_w, rotated_h, scratch.stretched_pixels)
    else:
        resize(rotated_w, rotated_h, w2, h2, parameters.vertical_first, scratch)
    warp_and_paste(
        scratch.stretched_pixels,
        Warp(w2, h2, w, h, drawn[X1], drawn[Y1], drawn[X2], drawn[Y2], straight),
        tables.straight,
        scratch.canvas,
        (width, parameters.height),
        (offset, int((parameters.height - h) / 2)),
        scratch.lookups,
    )
    return True


@compiled
def _clip_mask(
    metrics: npt.NDArray[np.int64],
    dx: int,
    dy: int,
    opacity: int,
    masks: npt.NDArray[np.uint8],
    clipped: npt.NDArray[np.uint8],
) -> tuple[int, int]:
    """Copy the part of a mask that upstream's canvas keeps, with a border; return its columns and rows."""
    start, stride = metrics[START], metrics[COLUMNS] + 2
    left, right = metrics[COLUMNS], -1
    top, bottom = metrics[ROWS], -1
    for y in range(max(0, -(metrics[TOP] + dy)), min(metrics[ROWS], metrics[HEIGHT] - metrics[TOP])):
        for x in range(max(0, -(metrics[LEFT] + dx)), min(metrics[COLUMNS], metrics[WIDTH] - metrics[LEFT])):
            if multiply_255(int(masks[start + (y + 1) * stride + x + 1]), opacity) > 0:
                left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
    columns, rows = right - left + 1, bottom - top + 1
    if right < 0:
        return 0, 0
    for y in range(-1, rows + 1):
        from_y = top + min(max(y, 0), rows - 1)
        for x in range(-1, columns + 1):
            from_x = left + min(max(x, 0), columns - 1)
            clipped[(y + 1) * (columns + 2) + x + 1] = masks[start + (from_y + 1) * stride + from_x + 1]
    return columns, rows


@compiled
def vertical_pass_first(w: int, h: int, w2: int, h2: int) -> bool:
    """Return whether Pillow 13 resizes w × h to w2 × h2 by its vertical pass first.

    Each pass rounds to 8 bits, so the order changes pixels. Until Pillow 12 the horizontal pass
    always comes first; since 13 (pull request 9549) the vertical one does if it removes more than
    twice as many pixels.
    """
    return w2 != w and h - h2 > max(0, 2 * (w - w2))


@compiled
def resize(w: int, h: int, w2: int, h2: int, vertical_first: bool, scratch: Scratch) -> None:
    """Resize `scratch.rotated`, column-major, into `scratch.stretched`, row-major."""
    if vertical_first and vertical_pass_first(w, h, w2, h2):
        _transpose(scratch.rotated_pixels, w, h, scratch.transposed_pixels)
        taps = filter_weights(h, h2, scratch.first, scratch.weight, scratch.exact)
        resample(
            scratch.transposed,
            scratch.first,
            scratch.weight,
            taps,
            h2,
            4 * w,
            scratch.stretched,
            scratch.sums,
        )
        _transpose(scratch.stretched_pixels, h2, w, scratch.rotated_pixels)
        taps = filter_weights(w, w2, scratch.first, scratch.weight, scratch.exact)
        resample(
            scratch.rotated, scratch.first, scratch.weight, taps, w2, 4 * h2, scratch.widened, scratch.sums
        )
        _transpose(scratch.widened_pixels, w2, h2, scratch.stretched_pixels)
        return
    taps = filter_weights(w, w2, scratch.first, scratch.weight, scratch.exact)
    resample(scratch.rotated, scratch.first, scratch.weight, taps, w2, 4 * h, scratch.widened, scratch.sums)
    _transpose(scratch.widened_pixels, w2, h, scratch.transposed_pixels)
    taps = filter_weights(h, h2, scratch.first, scratch.weight, scratch.exact)
    resample(
        scratch.transposed, scratch.first, scratch.weight, taps, h2, 4 * w2, scratch.stretched, scratch.sums
    )


@compiled
def _transpose(source: npt.NDArray[np.uint32], width: int, height: int, out: npt.NDArray[np.uint32]) -> None:
    """Transpose `width` lines of `height` pixels."""
    for x in range(np.uint64(width)):
        for y in range(np.uint64(height)):
            out[y, x] = source[x, y]
