"""Draws, in the order of `captcha.image.ImageCaptcha` (lepture/captcha 0.7.1, BSD)."""

import numpy as np
import numpy.typing as npt

from .compiled import compiled
from .records import HEIGHT, SPACE, WIDTH, Colour, Glyphs, Knobs, Row, Scratch

GLYPH_WORDS = 10
"""Draws that one glyph takes: font, two offsets, angle, two stretches, four corner values."""


@compiled
def below(word: np.uint32, n: int) -> int:
    # Signed: numba would make a double of a sum of signed and unsigned integers.
    return int(np.int64((np.uint64(word) * np.uint64(n)) >> np.uint64(32)))


@compiled
def share(word: np.uint32) -> float:
    return float(word) / 4294967296.0


@compiled
def draw_colours(words: Row, knobs: Knobs) -> tuple[tuple[int, int, int], Colour, int]:
    """Return the background, the colour, and the place of the next word."""
    at = 0
    background = knobs.background
    if background[0] < 0:
        background = (238 + below(words[0], 18), 238 + below(words[1], 18), 238 + below(words[2], 18))
        at = 3
    colour = knobs.colour
    if colour[0] < 0:
        # Upstream draws the opacity first, and all four even where a colour is given.
        red, green, blue = below(words[at + 1], 191), below(words[at + 2], 191), below(words[at + 3], 191)
        colour = (10 + red, 10 + green, 10 + blue, 220 + below(words[at], 36))
    return background, colour, at + 4


@compiled
def draw_pieces(
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
        As for `picture.paint`.
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
