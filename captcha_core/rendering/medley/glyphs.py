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

CAPITAL = 48
"""Height that capitals are drawn at, in pixels; other sizes are scaled from it."""
_MOST_GLYPHS = 80_000
"""Some 200 MB: a thousand fonts with the Latin letters and digits."""
_OPEN_FACES = 64
_MISSING = "\U0010fffe"


@dataclasses.dataclass(frozen=True, eq=False)
class Glyph:
    """One character in one font and size.

    Attributes
    ----------
    mask, half
        Coverage, uint8 of shape (rows, columns), cropped to the ink and a rim of one empty
        pixel; the same at half the size.
    above
        Rows of the mask above the baseline.
    stroke
        Typical width of its strokes, in pixels.
    """

    mask: Mask
    half: Mask
    above: int
    stroke: float


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
        self._face = functools.lru_cache(_OPEN_FACES)(self._opened)

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

    def _opened(self, font: int) -> tuple[ImageFont.FreeTypeFont, bytes]:
        """Return a font at its size, and what it draws for characters that it lacks."""
        face = _face(self._paths[font])
        missing, _ = _inked(face, _MISSING)
        return face, missing.tobytes() if missing else b""

    def _drawn(self, font: int, character: str) -> Glyph:
        face, missing = self._face(font)
        mask, above = _inked(face, character)
        if mask is None or mask.tobytes() == missing:
            raise SpecError(f"{self._paths[font]!r} has no glyph for {character!r}: choose another font")
        whole = np.asarray(mask)
        return Glyph(whole, np.pad(np.asarray(mask.reduce(2)), 1), above, _stroke(whole))


def _face(path: str) -> ImageFont.FreeTypeFont:
    try:
        face = ImageFont.truetype(path, 100, layout_engine=ImageFont.Layout.BASIC)
        _, top, _, bottom = face.getbbox("H", anchor="ls")
        size = max(4, round(100 * CAPITAL / max(20, bottom - top)))
        return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
    except OSError as error:
        raise SpecError(f"{path!r} is no font that can be drawn: {error}") from error


def _inked(face: ImageFont.FreeTypeFont, character: str) -> tuple[Image.Image | None, int]:
    """Draw a character; return its ink and how far that reaches above the baseline."""
    canvas = Image.new("L", (5 * CAPITAL, 5 * CAPITAL))
    ImageDraw.Draw(canvas).text((CAPITAL, 3 * CAPITAL), character, font=face, fill=255, anchor="ls")
    box = canvas.getbbox()
    if box is None:
        return None, 0
    left, top, right, bottom = box
    return canvas.crop((left - 1, top - 1, right + 1, bottom + 1)), 3 * CAPITAL - top + 1


def _stroke(mask: Mask) -> float:
    """Estimate the width of strokes: twice the ink over its outline."""
    ink = mask.astype(np.int16)
    outline = int(np.abs(ink[1:] - ink[:-1]).sum()) + int(np.abs(ink[:, 1:] - ink[:, :-1]).sum())
    # Along slants the sum over rows and columns is up to √2 too long: 0.85 is in between.
    return 2 * int(ink.sum()) / max(1.0, 0.85 * outline)
