"""Random draws, in the order of `captcha.image.ImageCaptcha` (lepture/captcha 0.7.1, BSD)."""

import numpy as np
import numpy.typing as npt

from .compiled import compiled
from .records import (
    DX,
    DY,
    HEIGHT,
    SLOT,
    SPACE,
    WIDTH,
    X1,
    X2,
    Y1,
    Y2,
    Colour,
    Glyphs,
    ImageWords,
    Parameters,
    Scratch,
)

GLYPH_WORDS = 10
"""Random words that one glyph draws: face, two offsets, angle, two stretches, four corner values."""


@compiled
def random_below(word: np.uint32, n: int) -> int:
    """Return an integer 0 … n - 1, as `randomness.random_below` does."""
    # Signed: numba converts the sum of a signed and an unsigned integer to a double.
    return int(np.int64((np.uint64(word) * np.uint64(n)) >> np.uint64(32)))


@compiled
def random_unit(word: np.uint32) -> float:
    """Return a number 0 … 1, 1 excluded."""
    return float(word) / 4294967296.0


@compiled
def draw_colours(words: ImageWords, parameters: Parameters) -> tuple[tuple[int, int, int], Colour, int]:
    """Return the background, the colour, and the index of the next word."""
    next_word = 0
    background = parameters.background
    if background[0] < 0:
        background = (
            238 + random_below(words[0], 18),
            238 + random_below(words[1], 18),
            238 + random_below(words[2], 18),
        )
        next_word = 3
    colour = parameters.colour
    if colour[0] < 0:
        # Upstream draws the opacity first, and all four even where a colour is given.
        red, green, blue = (
            random_below(words[next_word + 1], 191),
            random_below(words[next_word + 2], 191),
            random_below(words[next_word + 3], 191),
        )
        colour = (10 + red, 10 + green, 10 + blue, 220 + random_below(words[next_word], 36))
    return background, colour, next_word + 4


@compiled
def draw_pieces(
    words: ImageWords,
    next_word: int,
    codes: npt.NDArray[np.int64],
    parameters: Parameters,
    glyphs: Glyphs,
    scratch: Scratch,
) -> tuple[int, int, int, int]:
    """Draw the random numbers of each glyph into `scratch.pieces` and `scratch.angles`.

    Returns
    -------
    index of the next word, number of glyphs, sum of their widths in pixels, number of characters
    """
    count = width = length = 0
    for position in range(len(codes)):
        code = codes[position]
        if code < 0:
            break
        length += 1
        has_space = random_unit(words[next_word]) > parameters.space
        next_word += 1
        for part in range(2):  # the space before the character, then the character
            if part == 0 and not has_space:
                continue
            slot = glyphs.slots[
                random_below(words[next_word], parameters.faces), SPACE if part == 0 else code
            ]
            w, h = glyphs.table[slot, WIDTH], glyphs.table[slot, HEIGHT]
            piece = scratch.pieces[count]
            piece[SLOT] = slot
            piece[DX] = parameters.offset_dx[0] + random_below(
                words[next_word + 1], parameters.offset_dx[1] - parameters.offset_dx[0] + 1
            )
            piece[DY] = parameters.offset_dy[0] + random_below(
                words[next_word + 2], parameters.offset_dy[1] - parameters.offset_dy[0] + 1
            )
            scratch.angles[count] = parameters.rotate[0] + random_unit(words[next_word + 3]) * (
                parameters.rotate[1] - parameters.rotate[0]
            )
            dx = (
                w * random_unit(words[next_word + 4]) * (parameters.warp_dx[1] - parameters.warp_dx[0])
                + parameters.warp_dx[0]
            )
            dy = (
                h * random_unit(words[next_word + 5]) * (parameters.warp_dy[1] - parameters.warp_dy[0])
                + parameters.warp_dy[0]
            )
            piece[X1] = int(random_unit(words[next_word + 6]) * (dx + dx) - dx)
            piece[Y1] = int(random_unit(words[next_word + 7]) * (dy + dy) - dy)
            piece[X2] = int(random_unit(words[next_word + 8]) * (dx + dx) - dx)
            piece[Y2] = int(random_unit(words[next_word + 9]) * (dy + dy) - dy)
            next_word += GLYPH_WORDS
            width += w
            count += 1
    return next_word, count, width, length


@compiled
def find_missing_glyphs(
    words: npt.NDArray[np.uint32],
    codes: npt.NDArray[np.int64],
    parameters: Parameters,
    glyphs: Glyphs,
    missing: npt.NDArray[np.uint8],
) -> int:
    """Mark the glyphs that a batch needs and that are not in the atlas yet.

    Parameters
    ----------
    words, codes
        As for `picture.paint`.
    missing
        uint8 of shape (faces, codes), set to 1 for each missing glyph.

    Returns
    -------
    the width of the widest text in pixels; too small while glyphs are missing
    """
    widest = 0
    first_word = (3 if parameters.background[0] < 0 else 0) + 4
    for image in range(len(words)):
        next_word, width = first_word, 0
        for position in range(codes.shape[1]):
            code = codes[image, position]
            if code < 0:
                break
            if random_unit(words[image, next_word]) > parameters.space:
                width += _glyph_width(
                    random_below(words[image, next_word + 1], parameters.faces), SPACE, glyphs, missing
                )
                next_word += GLYPH_WORDS
            width += _glyph_width(
                random_below(words[image, next_word + 1], parameters.faces), code, glyphs, missing
            )
            next_word += 1 + GLYPH_WORDS
        widest = max(widest, width)
    return widest


@compiled
def _glyph_width(face: int, code: int, glyphs: Glyphs, missing: npt.NDArray[np.uint8]) -> int:
    """Return a glyph's width in pixels; of a missing one 0, after marking it."""
    slot = glyphs.slots[face, code]
    if slot < 0:
        missing[face, code] = 1
        return 0
    return int(glyphs.table[slot, WIDTH])
