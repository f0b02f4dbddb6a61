"""One glyph's way from its mask to the canvas."""

import numpy as np
import numpy.typing as npt

from .compiled import compiled
from .records import COLUMNS, HEIGHT, LEFT, ROWS, START, TOP, WIDTH, Colour, Glyphs, Knobs, Scratch, Tables
from .resampling import resample, weights
from .rotation import copy_unturned, rotate, rotation
from .warp import Warp, warp_and_paste


@compiled
def times(a: int, b: int) -> int:
    """MULDIV255 of ImagingUtils.h."""
    product = a * b + 128
    return ((product >> 8) + product) >> 8


@compiled
def set_colour(colour: Colour, premultiplied: npt.NDArray[np.float64]) -> None:
    """Tabulate the premultiplied R, G, B, A of each coverage; float64 of shape (256, 4)."""
    for m in range(256):
        alpha = times(m, colour[3])
        premultiplied[m, 0] = times(colour[0], alpha)
        premultiplied[m, 1] = times(colour[1], alpha)
        premultiplied[m, 2] = times(colour[2], alpha)
        premultiplied[m, 3] = alpha


@compiled
def _set_solid(colour: Colour, straight: bool, solid: npt.NDArray[np.uint32]) -> None:
    """Tabulate the pixel of each coverage, straight or premultiplied."""
    for m in range(256):
        alpha = times(m, colour[3])
        weight = 255 if straight else alpha
        red, green, blue = times(colour[0], weight), times(colour[1], weight), times(colour[2], weight)
        solid[m] = red | green << 8 | blue << 16 | alpha << 24


@compiled
def paint_piece(
    piece: int,
    offset: int,
    width: int,
    colour: Colour,
    knobs: Knobs,
    glyphs: Glyphs,
    tables: Tables,
    scratch: Scratch,
) -> bool:
    """Rotate, resize, warp and paste one glyph.

    Parameters
    ----------
    piece
        Its row in `scratch.pieces`, filled by `draw_pieces`.
    offset
        Its left edge on the canvas, in pixels.
    width
        The canvas's.

    Returns
    -------
    False when the angle is a right one but not 0: Pillow transposes then
    """
    numbers = scratch.pieces[piece]
    record = glyphs.table[numbers[0]]
    if record[COLUMNS] == 0 or colour[3] == 0:
        return True
    masks, start, columns, rows = glyphs.masks, record[START], record[COLUMNS], record[ROWS]
    dx, dy, w, h = numbers[1], numbers[2], record[WIDTH], record[HEIGHT]
    inside = record[LEFT] + dx >= 0 and record[TOP] + dy >= 0
    inside = inside and record[LEFT] + columns <= w and record[TOP] + rows <= h
    if not inside or times(1, colour[3]) == 0:
        masks, start = scratch.cut, 0
        columns, rows = _cut_out(record, dx, dy, colour[3], glyphs.masks, scratch.cut)
        if columns == 0:
            return True
    angle = scratch.angles[piece] % 360.0
    if angle != 0.0 and angle % 90.0 == 0.0:
        return False
    turn = rotation(angle, columns, rows)
    w2 = w + abs(numbers[3]) + abs(numbers[5])
    h2 = h + abs(numbers[4]) + abs(numbers[6])
    turned_w, turned_h = (columns, rows) if angle == 0.0 else (turn.width, turn.height)
    straight = turned_w == w2 and turned_h == h2
    if angle == 0.0:
        _set_solid(colour, straight, scratch.solid)
        copy_unturned(masks, start, columns, rows, scratch.solid, scratch.turned_pixels)
    else:
        pixels = tables.straight if straight else tables.again
        rotate(
            masks,
            start,
            turn,
            scratch.premultiplied,
            pixels,
            scratch.turned_pixels,
            scratch.lookups,
        )
    if straight:
        _flip(scratch.turned_pixels, turned_w, turned_h, scratch.stretched_pixels)
    else:
        resize(turned_w, turned_h, w2, h2, knobs.vertical_first, scratch)
    warp_and_paste(
        scratch.stretched_pixels,
        Warp(w2, h2, w, h, numbers[3], numbers[4], numbers[5], numbers[6], straight),
        tables.straight,
        scratch.canvas,
        (width, knobs.height),
        (offset, int((knobs.height - h) / 2)),
        scratch.lookups,
    )
    return True


@compiled
def _cut_out(
    record: npt.NDArray[np.int64],
    dx: int,
    dy: int,
    opacity: int,
    masks: npt.NDArray[np.uint8],
    cut: npt.NDArray[np.uint8],
) -> tuple[int, int]:
    """Copy the part of a mask that upstream's canvas keeps, with its border; return its size."""
    start, stride = record[START], record[COLUMNS] + 2
    left, right = record[COLUMNS], -1
    top, bottom = record[ROWS], -1
    for y in range(max(0, -(record[TOP] + dy)), min(record[ROWS], record[HEIGHT] - record[TOP])):
        for x in range(max(0, -(record[LEFT] + dx)), min(record[COLUMNS], record[WIDTH] - record[LEFT])):
            if times(int(masks[start + (y + 1) * stride + x + 1]), opacity) > 0:
                left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
    columns, rows = right - left + 1, bottom - top + 1
    if right < 0:
        return 0, 0
    for y in range(-1, rows + 1):
        from_y = top + min(max(y, 0), rows - 1)
        for x in range(-1, columns + 1):
            from_x = left + min(max(x, 0), columns - 1)
            cut[(y + 1) * (columns + 2) + x + 1] = masks[start + (from_y + 1) * stride + from_x + 1]
    return columns, rows


@compiled
def rows_first(w: int, h: int, w2: int, h2: int) -> bool:
    """Tell whether Pillow 13 resizes w × h to w2 × h2 by its vertical pass first.

    Each pass rounds to 8 bits, so the order shows. Until Pillow 12 the horizontal pass is
    always first; since 13 (pull request 9549) the vertical one is when it takes away more
    than twice as many pixels.
    """
    return w2 != w and h - h2 > max(0, 2 * (w - w2))


@compiled
def resize(w: int, h: int, w2: int, h2: int, vertical_first: bool, scratch: Scratch) -> None:
    """Resize `turned`, column-major, into `stretched`, row-major."""
    if vertical_first and rows_first(w, h, w2, h2):
        _flip(scratch.turned_pixels, w, h, scratch.flipped_pixels)
        taps = weights(h, h2, scratch.first, scratch.weight, scratch.exact)
        resample(
            scratch.flipped, scratch.first, scratch.weight, taps, h2, 4 * w, scratch.stretched, scratch.sums
        )
        _flip(scratch.stretched_pixels, h2, w, scratch.turned_pixels)
        taps = weights(w, w2, scratch.first, scratch.weight, scratch.exact)
        resample(
            scratch.turned, scratch.first, scratch.weight, taps, w2, 4 * h2, scratch.widened, scratch.sums
        )
        _flip(scratch.widened_pixels, w2, h2, scratch.stretched_pixels)
        return
    taps = weights(w, w2, scratch.first, scratch.weight, scratch.exact)
    resample(scratch.turned, scratch.first, scratch.weight, taps, w2, 4 * h, scratch.widened, scratch.sums)
    _flip(scratch.widened_pixels, w2, h, scratch.flipped_pixels)
    taps = weights(h, h2, scratch.first, scratch.weight, scratch.exact)
    resample(
        scratch.flipped, scratch.first, scratch.weight, taps, h2, 4 * w2, scratch.stretched, scratch.sums
    )


@compiled
def _flip(source: npt.NDArray[np.uint32], width: int, height: int, out: npt.NDArray[np.uint32]) -> None:
    """Transpose `width` lines of `height` pixels."""
    for x in range(np.uint64(width)):
        for y in range(np.uint64(height)):
            out[y, x] = source[x, y]
