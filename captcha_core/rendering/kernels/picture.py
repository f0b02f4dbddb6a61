"""Whole images: from words to pixels, without Python in between."""

import numpy as np
import numpy.typing as npt

from .compiled import compiled
from .draws import below, draw_colours, draw_pieces
from .noise import arc, dot
from .piece import paint_piece, set_colour
from .records import WIDTH, Glyphs, Knobs, Row, Scratch, Tables
from .resampling import resample, weights
from .smoothing import smooth

DRAWN, LEFT_TO_PILLOW = range(2)
"""What became of an image."""


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
    background, colour, at = draw_colours(words, knobs)
    at, count, text_width, length = draw_pieces(words, at, codes, knobs, glyphs, scratch)
    width = max(text_width, knobs.width)
    _fill(scratch.canvas, width, knobs.height, background)
    set_colour(colour, scratch.premultiplied)
    average = int(text_width / length)
    slack = int(knobs.overlap * average)
    offset = int(average * 0.1)
    for piece in range(count):
        if not paint_piece(piece, offset, width, colour, knobs, glyphs, tables, scratch):
            return LEFT_TO_PILLOW
        offset += glyphs.table[scratch.pieces[piece, 0], WIDTH] - below(words[at], slack + 1)
        at += 1
    sheet = scratch.canvas
    if width > knobs.width:
        sheet = scratch.sheet
        _narrow(width, knobs, scratch)
    _add_noise(words, at, knobs, (colour[0], colour[1], colour[2]), sheet, scratch)
    smooth(sheet, knobs.width, knobs.height, scratch.column_sums, scratch.columns, out)
    return DRAWN


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
def _narrow(width: int, knobs: Knobs, scratch: Scratch) -> None:
    """Resize a canvas with a text wider than the image."""
    first, weight = scratch.page_first, scratch.page_weight
    taps = weights(width, knobs.width, first, weight, scratch.exact)
    length = 3 * knobs.height
    resample(scratch.canvas, first, weight, taps, knobs.width, length, scratch.sheet, scratch.sums)


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
