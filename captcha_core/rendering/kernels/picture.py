"""Whole images: from words to pixels, without Python in between.

The order of draws is that of `captcha.image.ImageCaptcha.generate_image` (lepture/captcha
0.7.1, BSD).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .compiled import compiled
from .noise import arc, dot
from .resampling import most_taps, resample, weights
from .rotation import copy_unturned, rotate, rotation
from .smoothing import smooth
from .warp import Warp, warp_and_paste

START, COLUMNS, ROWS, LEFT, TOP, WIDTH, HEIGHT, METRICS = range(8)
"""Columns of a table of glyphs."""

GLYPH_WORDS = 10
"""Draws that one glyph takes: font, offsets, angle, stretches, four corner values."""

SPACE = 0
"""The code of the blank that upstream puts before some characters."""

DRAWN, LEFT_TO_PILLOW = range(2)
"""What became of an image."""


class Knobs(NamedTuple):
    """A spec in plain numbers."""

    width: int
    height: int
    faces: int
    offset_dx: tuple[int, int]
    offset_dy: tuple[int, int]
    rotate: tuple[float, float]
    warp_dx: tuple[float, float]
    warp_dy: tuple[float, float]
    space: float
    overlap: float
    dots: int
    curve: bool
    background: tuple[int, int, int]
    """-1 where drawn."""
    colour: tuple[int, int, int, int]
    """-1 where drawn."""
    stamp: npt.NDArray[np.int64]
    """(pixels, 2): a dot."""


class Glyphs(NamedTuple):
    """The masks drawn so far."""

    slots: npt.NDArray[np.int64]
    """(faces, codes): rows of `table`, -1 where not drawn yet."""
    table: npt.NDArray[np.int64]
    """(glyphs, METRICS)"""
    masks: npt.NDArray[np.uint8]
    """(bytes,): masks with a border of one pixel that repeats the edge, end to end."""


class Scratch(NamedTuple):
    """Buffers that every image uses anew; sizes in `numba_engine`."""

    turned: npt.NDArray[np.uint8]
    turned_pixels: npt.NDArray[np.uint32]
    widened: npt.NDArray[np.uint8]
    widened_pixels: npt.NDArray[np.uint32]
    flipped: npt.NDArray[np.uint8]
    flipped_pixels: npt.NDArray[np.uint32]
    stretched: npt.NDArray[np.uint8]
    stretched_pixels: npt.NDArray[np.uint32]
    """One row more than is written, so that the last pixel stays 0."""
    sources: npt.NDArray[np.int32]
    first: npt.NDArray[np.int64]
    weight: npt.NDArray[np.int32]
    exact: npt.NDArray[np.float64]
    sums: npt.NDArray[np.int32]
    cut: npt.NDArray[np.uint8]
    premultiplied: npt.NDArray[np.float64]
    solid: npt.NDArray[np.uint32]
    pieces: npt.NDArray[np.int64]
    angles: npt.NDArray[np.float64]
    planes: npt.NDArray[np.float64]
    events: npt.NDArray[np.int64]
    canvas: npt.NDArray[np.uint8]
    sheet: npt.NDArray[np.uint8]
    page_first: npt.NDArray[np.int64]
    page_weight: npt.NDArray[np.int32]
    columns: npt.NDArray[np.uint8]
    column_sums: npt.NDArray[np.uint16]


class Tables(NamedTuple):
    """uint8 of shape (65536,) each: what becomes of a premultiplied v under alpha a, at 256 a + v."""

    straight: npt.NDArray[np.uint8]
    again: npt.NDArray[np.uint8]
    """Straight, then premultiplied again."""


Row = npt.NDArray[np.uint32]


@compiled
def below(word: np.uint32, n: int) -> int:
    # Signed: numba would make a double of a sum of signed and unsigned integers.
    return int(np.int64((np.uint64(word) * np.uint64(n)) >> np.uint64(32)))


@compiled
def share(word: np.uint32) -> float:
    return float(word) / 4294967296.0


@compiled
def _times(a: int, b: int) -> int:
    """MULDIV255 of ImagingUtils.h."""
    product = a * b + 128
    return ((product >> 8) + product) >> 8


@compiled
def survey(
    words: npt.NDArray[np.uint32],
    codes: npt.NDArray[np.int64],
    knobs: Knobs,
    glyphs: Glyphs,
    needed: npt.NDArray[np.uint8],
) -> int:
    """Mark the glyphs that a batch needs and that are not drawn yet.

    Parameters
    ----------
    words, codes
        As for `paint`.
    needed
        uint8 of shape (faces, codes), set to 1 where needed.

    Returns
    -------
    the width of the widest text, which counts once nothing is needed
    """
    widest = 0
    head = (3 if knobs.background[0] < 0 else 0) + 4
    for image in range(len(words)):
        at, width = head, 0
        for place in range(codes.shape[1]):
            code = codes[image, place]
            if code < 0:
                break
            if share(words[image, at]) > knobs.space:
                width += _measured(below(words[image, at + 1], knobs.faces), SPACE, glyphs, needed)
                at += GLYPH_WORDS
            width += _measured(below(words[image, at + 1], knobs.faces), code, glyphs, needed)
            at += 1 + GLYPH_WORDS
        widest = max(widest, width)
    return widest


@compiled
def _measured(face: int, code: int, glyphs: Glyphs, needed: npt.NDArray[np.uint8]) -> int:
    slot = glyphs.slots[face, code]
    if slot < 0:
        needed[face, code] = 1
        return 0
    return int(glyphs.table[slot, WIDTH])


@compiled
def paint(
    words: npt.NDArray[np.uint32],
    codes: npt.NDArray[np.int64],
    knobs: Knobs,
    glyphs: Glyphs,
    tables: Tables,
    scratch: Scratch,
    out: npt.NDArray[np.uint8],
    outcome: npt.NDArray[np.uint8],
) -> None:
    """Draw a batch.

    Parameters
    ----------
    words
        uint32 of shape (N, M): each image's draws.
    codes
        int64 of shape (N, L): columns of `glyphs.slots`, -1 past a text's end.
    out
        uint8 of shape (N, height × width × 3).
    outcome
        uint8 of shape (N,): `DRAWN`, or `LEFT_TO_PILLOW` where the angle is a right one.
    """
    for image in range(len(words)):
        outcome[image] = _paint_one(words[image], codes[image], knobs, glyphs, tables, scratch, out[image])


@compiled
def _paint_one(
    words: Row,
    codes: npt.NDArray[np.int64],
    knobs: Knobs,
    glyphs: Glyphs,
    tables: Tables,
    scratch: Scratch,
    out: npt.NDArray[np.uint8],
) -> int:
    at = 0
    background = knobs.background
    if background[0] < 0:
        background = (238 + below(words[0], 18), 238 + below(words[1], 18), 238 + below(words[2], 18))
        at = 3
    colour = knobs.colour
    if colour[0] < 0:
        colour = (
            10 + below(words[at + 1], 191),
            10 + below(words[at + 2], 191),
            10 + below(words[at + 3], 191),
            220 + below(words[at], 36),
        )
    at += 4
    at, count, text_width, length = _draw_pieces(words, at, codes, knobs, glyphs, scratch)
    width = max(text_width, knobs.width)
    _fill(scratch.canvas, width, knobs.height, background)
    _set_colour(colour, scratch)
    average = int(text_width / length)
    slack = int(knobs.overlap * average)
    offset = int(average * 0.1)
    limits = (width, knobs.height)
    for piece in range(count):
        slot = scratch.pieces[piece, 0]
        if not _paint_glyph(piece, slot, colour[3], offset, limits, glyphs, tables, scratch):
            return LEFT_TO_PILLOW
        offset += glyphs.table[slot, WIDTH] - below(words[at], slack + 1)
        at += 1
    sheet = scratch.canvas
    if width > knobs.width:
        sheet = scratch.sheet
        taps = weights(width, knobs.width, scratch.page_first, scratch.page_weight, scratch.exact)
        resample(
            scratch.canvas,
            scratch.page_first,
            scratch.page_weight,
            taps,
            knobs.width,
            3 * knobs.height,
            sheet,
            scratch.sums,
        )
    _add_noise(words, at, knobs, (colour[0], colour[1], colour[2]), sheet, scratch)
    smooth(sheet, knobs.width, knobs.height, scratch.column_sums, scratch.columns, out)
    return DRAWN


@compiled
def _draw_pieces(
    words: Row, at: int, codes: npt.NDArray[np.int64], knobs: Knobs, glyphs: Glyphs, scratch: Scratch
) -> tuple[int, int, int, int]:
    """Draw each glyph's numbers; return the next word, how many glyphs, their width, and characters."""
    count = width = length = 0
    for place in range(len(codes)):
        code = codes[place]
        if code < 0:
            break
        length += 1
        spaced = share(words[at]) > knobs.space
        at += 1
        for turn in range(2):
            if turn == 0 and not spaced:
                continue
            slot = glyphs.slots[below(words[at], knobs.faces), SPACE if turn == 0 else code]
            w, h = glyphs.table[slot, WIDTH], glyphs.table[slot, HEIGHT]
            piece = scratch.pieces[count]
            piece[0] = slot
            piece[1] = knobs.offset_dx[0] + below(words[at + 1], knobs.offset_dx[1] - knobs.offset_dx[0] + 1)
            piece[2] = knobs.offset_dy[0] + below(words[at + 2], knobs.offset_dy[1] - knobs.offset_dy[0] + 1)
            scratch.angles[count] = knobs.rotate[0] + share(words[at + 3]) * (
                knobs.rotate[1] - knobs.rotate[0]
            )
            dx = w * share(words[at + 4]) * (knobs.warp_dx[1] - knobs.warp_dx[0]) + knobs.warp_dx[0]
            dy = h * share(words[at + 5]) * (knobs.warp_dy[1] - knobs.warp_dy[0]) + knobs.warp_dy[0]
            piece[3] = int(share(words[at + 6]) * (dx + dx) - dx)
            piece[4] = int(share(words[at + 7]) * (dy + dy) - dy)
            piece[5] = int(share(words[at + 8]) * (dx + dx) - dx)
            piece[6] = int(share(words[at + 9]) * (dy + dy) - dy)
            at += GLYPH_WORDS
            width += w
            count += 1
    return at, count, width, length


@compiled
def _fill(canvas: npt.NDArray[np.uint8], width: int, height: int, background: tuple[int, int, int]) -> None:
    for y in range(height):
        canvas[0, 3 * y] = background[0]
        canvas[0, 3 * y + 1] = background[1]
        canvas[0, 3 * y + 2] = background[2]
    for x in range(1, width):
        for i in range(3 * height):
            canvas[x, i] = canvas[0, i]


@compiled
def _set_colour(colour: tuple[int, int, int, int], scratch: Scratch) -> None:
    for m in range(256):
        alpha = _times(m, colour[3])
        scratch.premultiplied[m, 0] = _times(colour[0], alpha)
        scratch.premultiplied[m, 1] = _times(colour[1], alpha)
        scratch.premultiplied[m, 2] = _times(colour[2], alpha)
        scratch.premultiplied[m, 3] = alpha
        scratch.solid[m] = colour[0] | colour[1] << 8 | colour[2] << 16 | alpha << 24


@compiled
def _paint_glyph(
    piece: int,
    slot: int,
    opacity: int,
    offset: int,
    limits: tuple[int, int],
    glyphs: Glyphs,
    tables: Tables,
    scratch: Scratch,
) -> bool:
    """Rotate, resize, warp and paste one glyph; false when Pillow takes another path for its angle."""
    record = glyphs.table[slot]
    if record[COLUMNS] == 0 or opacity == 0:
        return True
    numbers = scratch.pieces[piece]
    masks, start, columns, rows = glyphs.masks, record[START], record[COLUMNS], record[ROWS]
    dx, dy, w, h = numbers[1], numbers[2], record[WIDTH], record[HEIGHT]
    inside = record[LEFT] + dx >= 0 and record[TOP] + dy >= 0
    inside = inside and record[LEFT] + columns <= w and record[TOP] + rows <= h
    if not inside or _times(1, opacity) == 0:
        masks, start = scratch.cut, 0
        columns, rows = _cut_out(record, dx, dy, opacity, glyphs.masks, scratch.cut)
        if columns == 0:
            return True
    angle = scratch.angles[piece] % 360.0
    if angle != 0.0 and angle % 90.0 == 0.0:
        return False
    matrix = rotation(angle, columns, rows)
    w2 = w + abs(numbers[3]) + abs(numbers[5])
    h2 = h + abs(numbers[4]) + abs(numbers[6])
    turned_w, turned_h = (columns, rows) if angle == 0.0 else (matrix[6], matrix[7])
    straight = turned_w == w2 and turned_h == h2
    if angle == 0.0:
        if not straight:
            for m in range(256):
                p = scratch.premultiplied[m]
                scratch.solid[m] = int(p[0]) | int(p[1]) << 8 | int(p[2]) << 16 | int(p[3]) << 24
        copy_unturned(masks, start, columns, rows, scratch.solid, scratch.turned_pixels)
    else:
        pixels = tables.straight if straight else tables.again
        rotate(masks, start, columns, rows, matrix, scratch.premultiplied, pixels, scratch.turned_pixels)
    if straight:
        _flip(scratch.turned_pixels, turned_w, turned_h, scratch.stretched_pixels)
    else:
        taps = weights(turned_w, w2, scratch.first, scratch.weight, scratch.exact)
        resample(
            scratch.turned,
            scratch.first,
            scratch.weight,
            taps,
            w2,
            4 * turned_h,
            scratch.widened,
            scratch.sums,
        )
        _flip(scratch.widened_pixels, w2, turned_h, scratch.flipped_pixels)
        taps = weights(turned_h, h2, scratch.first, scratch.weight, scratch.exact)
        resample(
            scratch.flipped, scratch.first, scratch.weight, taps, h2, 4 * w2, scratch.stretched, scratch.sums
        )
    warp_and_paste(
        scratch.stretched_pixels,
        Warp(w2, h2, w, h, numbers[3], numbers[4], numbers[5], numbers[6], straight),
        tables.straight,
        scratch.canvas,
        limits,
        (offset, int((limits[1] - h) / 2)),
        scratch.sources,
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
            if _times(int(masks[start + (y + 1) * stride + x + 1]), opacity) > 0:
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
def _flip(source: npt.NDArray[np.uint32], width: int, height: int, out: npt.NDArray[np.uint32]) -> None:
    for x in range(np.uint64(width)):
        for y in range(np.uint64(height)):
            out[y, x] = source[x, y]


@compiled
def _add_noise(
    words: Row,
    at: int,
    knobs: Knobs,
    colour: tuple[int, int, int],
    sheet: npt.NDArray[np.uint8],
    scratch: Scratch,
) -> None:
    w, h = knobs.width, knobs.height
    for _ in range(knobs.dots):
        dot(sheet, (w, h), below(words[at], w + 1), below(words[at + 1], h + 1), knobs.stamp, colour)
        at += 2
    if knobs.curve:
        x1 = below(words[at], w // 5 + 1)
        x2 = below(words[at + 1], w - w // 5 + 1) + w // 5
        y1 = below(words[at + 2], h - 2 * (h // 5) + 1) + h // 5
        y2 = below(words[at + 3], h - y1 - h // 5 + 1) + y1
        end = below(words[at + 4], 41) + 160
        start = below(words[at + 5], 21)
        arc(sheet, (w, h), (x1, y1, x2, y2), (start, end), colour, scratch.planes, scratch.events)


__all__ = ["Glyphs", "Knobs", "Scratch", "Tables", "most_taps", "paint", "survey"]
