"""Whole images, drawn from random words to pixels without any Python code in between."""

import numpy as np
import numpy.typing as npt

from .compiled import compiled
from .draws import draw_colours, draw_pieces, random_below
from .noise import arc, dot
from .piece import paint_piece, tabulate_premultiplied
from .records import SLOT, WIDTH, Glyphs, ImageWords, Parameters, Scratch, Tables
from .resampling import filter_weights, resample
from .smoothing import smooth

DRAWN, LEFT_TO_PILLOW = range(2)
"""Outcomes of an image: drawn, or left to the Pillow engine."""


@compiled
def paint(
    words: npt.NDArray[np.uint32],
    codes: npt.NDArray[np.int64],
    parameters: Parameters,
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
        uint32 of shape (N, M): the random words of each image.
    codes
        int64 of shape (N, L): columns of `glyphs.slots`, -1 past a text's end.
    out
        uint8 of shape (N, height × width × 3).
    outcome
        uint8 of shape (N,): `DRAWN`, or `LEFT_TO_PILLOW` where a glyph turns by a right angle.
    """
    for image in range(len(words)):
        outcome[image] = _paint_one(
            words[image], codes[image], parameters, glyphs, tables, scratch, out[image]
        )


@compiled
def _paint_one(
    words: ImageWords,
    codes: npt.NDArray[np.int64],
    parameters: Parameters,
    glyphs: Glyphs,
    tables: Tables,
    scratch: Scratch,
    out: npt.NDArray[np.uint8],
) -> int:
    background, colour, next_word = draw_colours(words, parameters)
    next_word, count, text_width, length = draw_pieces(words, next_word, codes, parameters, glyphs, scratch)
    width = max(text_width, parameters.width)
    _fill_canvas(scratch.canvas, width, parameters.height, background)
    tabulate_premultiplied(colour, scratch.premultiplied)
    average_width = int(text_width / length)
    max_overlap = int(parameters.overlap * average_width)
    offset = int(average_width * 0.1)
    for piece in range(count):
        if not paint_piece(piece, offset, width, colour, parameters, glyphs, tables, scratch):
            return LEFT_TO_PILLOW
        offset += glyphs.table[scratch.pieces[piece, SLOT], WIDTH] - random_below(
            words[next_word], max_overlap + 1
        )
        next_word += 1
    final_canvas = scratch.canvas
    if width > parameters.width:
        final_canvas = scratch.narrowed
        _narrow_canvas(width, parameters, scratch)
    _add_noise(words, next_word, parameters, (colour[0], colour[1], colour[2]), final_canvas, scratch)
    smooth(final_canvas, parameters.width, parameters.height, scratch.column_sums, scratch.columns, out)
    return DRAWN


@compiled
def _fill_canvas(
    canvas: npt.NDArray[np.uint8], width: int, height: int, background: tuple[int, int, int]
) -> None:
    for y in range(height):
        canvas[0, 3 * y] = background[0]
        canvas[0, 3 * y + 1] = background[1]
        canvas[0, 3 * y + 2] = background[2]
    for x in range(1, width):
        for i in range(3 * height):
            canvas[x, i] = canvas[0, i]


@compiled
def _narrow_canvas(width: int, parameters: Parameters, scratch: Scratch) -> None:
    """Resize a canvas whose text is wider than the image to the image's width."""
    first, weight = scratch.narrowing_first, scratch.narrowing_weight
    taps = filter_weights(width, parameters.width, first, weight, scratch.exact)
    length = 3 * parameters.height
    resample(scratch.canvas, first, weight, taps, parameters.width, length, scratch.narrowed, scratch.sums)


@compiled
def _add_noise(
    words: ImageWords,
    next_word: int,
    parameters: Parameters,
    colour: tuple[int, int, int],
    canvas: npt.NDArray[np.uint8],
    scratch: Scratch,
) -> None:
    w, h = parameters.width, parameters.height
    for _ in range(parameters.dots):
        dot(
            canvas,
            (w, h),
            random_below(words[next_word], w + 1),
            random_below(words[next_word + 1], h + 1),
            parameters.stamp,
            colour,
        )
        next_word += 2
    if parameters.curve:
        x1 = random_below(words[next_word], w // 5 + 1)
        x2 = random_below(words[next_word + 1], w - w // 5 + 1) + w // 5
        y1 = random_below(words[next_word + 2], h - 2 * (h // 5) + 1) + h // 5
        y2 = random_below(words[next_word + 3], h - y1 - h // 5 + 1) + y1
        end = random_below(words[next_word + 4], 41) + 160
        start = random_below(words[next_word + 5], 21)
        arc(canvas, (w, h), (x1, y1, x2, y2), (start, end), colour, scratch.planes, scratch.events)
