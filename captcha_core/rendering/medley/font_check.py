"""Which fonts can be read: they draw every character, each in its own and usual shape.

Decorative fonts (letters in boxes, blobs, turned letters, symbols in the letters' places)
are told by comparing their shapes with those of the built-in font: in a readable font
most characters look most like themselves.
"""

import functools
import string
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ...spec import fonts

Mask = npt.NDArray[np.uint8]

_SIZE = 40
_SIDE = 16
_MISSING = "\U0010fffe"
"""A code point that never is a character: fonts draw what they draw for missing ones."""
_AMONG = 4
_LEAST_ALIKE = 0.58
_LEAST_HEIGHT, _GREATEST_HEIGHT = 0.3, 1.1
_LEAST_INK, _GREATEST_INK = 0.07, 0.85
_LEAST_DISTINCT = 0.93
_MOST_ALIKE_CASES = 0.8
_REFERENCE = string.digits + string.ascii_letters
_CASES = "abdeghnqrt"
"""Small letters that are no smaller copies of their capitals."""


def draws_all(path: Path, charset: str) -> bool:
    """Tell whether the font has a drawing of its own for each character."""
    masks = _masks(path, charset)
    return masks is not None and _complete(masks, path)


def readable(path: Path, charset: str) -> bool:
    """Tell whether people would read the characters of `charset` in this font."""
    masks = _masks(path, charset)
    if masks is None or not _complete(masks, path):
        return False
    return _sane(masks) and _distinct(masks) and _two_cases(masks) and _usual(masks)


def _masks(path: Path, charset: str) -> dict[str, Mask] | None:
    try:
        face = ImageFont.truetype(str(path), _SIZE, layout_engine=ImageFont.Layout.BASIC)
        return {character: _drawn(face, character) for character in charset}
    except (OSError, ValueError):
        return None


def _drawn(face: ImageFont.FreeTypeFont, character: str) -> Mask:
    canvas = Image.new("L", (3 * _SIZE, 3 * _SIZE))
    ImageDraw.Draw(canvas).text((_SIZE, 2 * _SIZE), character, font=face, fill=255, anchor="ls")
    box = canvas.getbbox()
    return np.asarray(canvas.crop(box)) if box else np.zeros((0, 0), np.uint8)


def _complete(masks: dict[str, Mask], path: Path) -> bool:
    face = ImageFont.truetype(str(path), _SIZE, layout_engine=ImageFont.Layout.BASIC)
    missing = _drawn(face, _MISSING)
    return all(mask.size and not np.array_equal(mask, missing) for mask in masks.values())


def _sane(masks: dict[str, Mask]) -> bool:
    """Tell whether heights and ink are those of letters."""
    tall = [masks[c].shape[0] / _SIZE for c in masks if c.isdigit() or c.isupper()]
    heights = tall or [mask.shape[0] / _SIZE for mask in masks.values()]
    ink = float(np.mean([mask.mean() / 255 for mask in masks.values()]))
    uneven = max(heights) / min(heights)
    return (
        _LEAST_HEIGHT <= float(np.median(heights)) <= _GREATEST_HEIGHT
        and uneven < 2.5
        and _LEAST_INK <= ink <= _GREATEST_INK
    )


def _distinct(masks: dict[str, Mask]) -> bool:
    """Tell whether shapes differ, but for a few such as 0 and O."""
    different = {(mask.shape, mask.tobytes()) for mask in masks.values()}
    return len(different) >= _LEAST_DISTINCT * len(masks)


def _two_cases(masks: dict[str, Mask]) -> bool:
    """Tell whether small letters are more than small capitals."""
    pairs = [(c, c.upper()) for c in _CASES if c in masks and c.upper() in masks]
    alike = [_shape(masks[small], True) @ _shape(masks[capital], True) for small, capital in pairs]
    return not alike or float(np.median(alike)) < _MOST_ALIKE_CASES


def _usual(masks: dict[str, Mask]) -> bool:
    """Tell whether the usual shapes of most characters are among the few most alike.

    Compared are shapes as they are and shapes stretched to squares: the one fails on narrow
    and wide fonts, the other on slanted ones.
    """
    characters = [c for c in masks if c in _REFERENCE]
    return not characters or any(
        _recognised(masks, characters, square) >= _LEAST_ALIKE for square in (False, True)
    )


def _recognised(masks: dict[str, Mask], characters: list[str], square: bool) -> float:
    shapes = np.stack([_shape(masks[c], square) for c in characters])
    table = np.einsum("cp,rp->cr", shapes, _reference(square))
    own = table[np.arange(len(characters)), [_REFERENCE.index(c) for c in characters]]
    return float(np.mean((table > own[:, None]).sum(1) < _AMONG))


@functools.cache
def _reference(square: bool) -> npt.NDArray[np.float64]:
    masks = _masks(fonts.find(fonts.BUILT_IN), _REFERENCE)
    assert masks is not None  # noqa: S101  (the font is a part of a required package)
    return np.stack([_shape(mask, square) for mask in masks.values()])


def _shape(mask: Mask, square: bool) -> npt.NDArray[np.float64]:
    """Return the mask at a common size, as a vector of mean 0 and length 1."""
    image = Image.fromarray(mask)
    if not square:
        side = max(mask.shape)
        framed = Image.new("L", (side, side))
        framed.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        image = framed
    small = image.resize((_SIDE, _SIDE), Image.Resampling.BOX)
    vector = np.asarray(small).astype(np.float64).ravel()
    vector -= vector.mean()
    return vector / (np.sqrt((vector**2).sum()) or 1.0)
