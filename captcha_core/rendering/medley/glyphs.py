"""Glyph masks, kept by font, size and character."""

import dataclasses
import functools
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ...errors import SpecError

Mask = npt.NDArray[np.uint8]

CAPITAL = 36
"""Height that capitals are drawn at, in pixels; other sizes are scaled from it."""
_BASELINE = 5 * CAPITAL // 2
_MOST_GLYPHS = 80_000
"""Some 150 MB: a thousand fonts with the Latin letters and digits."""
_MISSING = "\U0010fffe"


@dataclasses.dataclass(frozen=True, eq=False)
class Glyph:
    """One character in one font and size.

    Attributes
    ----------
    mask
        Coverage, uint8 of shape (rows, columns), cropped to the ink and a rim of one empty
        pixel.
    above
        Rows of the mask above the baseline.
    stroke
        Typical width of its strokes, in pixels.
    """

    mask: Mask
    above: int
    stroke: float

    def half(self) -> Mask:
        """Return the mask at half its size, with a rim of one pixel more."""
        rows, columns = self.mask.shape
        even = np.zeros((rows + rows % 2, columns + columns % 2), np.uint16)
        even[:rows, :columns] = self.mask
        lines = even[::2] + even[1::2]
        half = np.zeros((len(even) // 2 + 2, len(even[0]) // 2 + 2), np.uint8)
        half[1:-1, 1:-1] = lines[:, ::2] + lines[:, 1::2] + 2 >> 2
        return half


@functools.lru_cache(maxsize=4)
def glyphs_of(paths: tuple[Path, ...]) -> "Glyphs":
    """Return the glyphs of these fonts, the same ones for all threads of the process."""
    return Glyphs(paths)


class Glyphs:
    """The glyphs of a list of fonts, drawn when they are first asked for; threads may share them."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = [str(path) for path in paths]
        self._drawing = threading.Lock()
        self._glyphs: dict[tuple[int, str], Glyph] = {}
        self._sizes: dict[int, int] = {}
        self._missing: dict[int, bytes] = {}

    def __len__(self) -> int:
        """Return the number of fonts."""
        return len(self._paths)

    def glyph(self, font: int, character: str) -> Glyph:
        """Return a character in a font, its capitals `CAPITAL` pixels high."""
        key = font, character
        glyph = self._glyphs.get(key)
        if glyph is None:
            if len(self._glyphs) >= _MOST_GLYPHS:
                self._glyphs.clear()
            with self._drawing:  # FreeType's faces are for one thread at a time
                glyph = self._glyphs[key] = self._drawn(font, character)
        return glyph

    def _drawn(self, font: int, character: str) -> Glyph:
        face = self._face(font)
        mask, above = _inked(face, character)
        if mask is None or mask.tobytes() == self._drawn_for_missing(font, face):
            raise SpecError(f"{self._paths[font]!r} has no glyph for {character!r}: choose another font")
        pixels = np.asarray(mask)
        return Glyph(pixels, above, _stroke(pixels))

    def _face(self, font: int) -> ImageFont.FreeTypeFont:
        """Open a font at its size. Faces are not kept: a thousand of them take more than their glyphs."""
        path = self._paths[font]
        if font not in self._sizes:
            self._sizes[font] = _size(path)
        return ImageFont.truetype(path, self._sizes[font], layout_engine=ImageFont.Layout.BASIC)

    def _drawn_for_missing(self, font: int, face: ImageFont.FreeTypeFont) -> bytes:
        if font not in self._missing:
            mask, _ = _inked(face, _MISSING)
            self._missing[font] = mask.tobytes() if mask else b""
        return self._missing[font]


def _size(path: str) -> int:
    """Return the size in which the font's capitals are `CAPITAL` pixels high."""
    try:
        face = ImageFont.truetype(path, 100, layout_engine=ImageFont.Layout.BASIC)
    except OSError as error:
        raise SpecError(f"{path!r} is no font that can be drawn: {error}") from error
    _, top, _, bottom = face.getbbox("H", anchor="ls")
    return max(4, round(100 * CAPITAL / max(20, bottom - top)))


def _inked(face: ImageFont.FreeTypeFont, character: str) -> tuple[Image.Image | None, int]:
    """Draw a character; return its ink and how far that reaches above the baseline."""
    canvas = Image.new("L", (5 * CAPITAL, 4 * CAPITAL))
    ImageDraw.Draw(canvas).text((CAPITAL, _BASELINE), character, font=face, fill=255, anchor="ls")
    box = canvas.getbbox()
    if box is None:
        return None, 0
    left, top, right, bottom = box
    return canvas.crop((left - 1, top - 1, right + 1, bottom + 1)), _BASELINE - top + 1


def _stroke(mask: Mask) -> float:
    """Estimate the width of strokes: twice the ink over its outline."""
    ink = mask.astype(np.int16)
    outline = int(np.abs(ink[1:] - ink[:-1]).sum()) + int(np.abs(ink[:, 1:] - ink[:, :-1]).sum())
    # Along slants the sum over rows and columns is up to √2 too long: 0.85 is in between.
    return 2 * int(ink.sum()) / max(1.0, 0.85 * outline)
