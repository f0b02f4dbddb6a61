"""Glyph masks: what FreeType draws for each font, size and character, and where.

The library ``captcha`` ("upstream") measures a character's box with the text at (1, 1), then
draws the text at a random offset on a canvas of that box plus the offset. FreeType's mask is
the same at every whole offset; only the part that the canvas clips differs (a negative side
bearing sticks out on the left when the offset is 0). So one mask for each font, size and
character is enough, and each draw clips it.
"""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ..errors import SpecError
from ..spec import Spec, fonts

_NO_CHARACTER = "\U0010fffe"
"""A code point that never is a character: fonts draw what they draw for characters that they lack."""

# Room around the box for ink outside it: bearings, accents, overhanging italics.
_MARGIN = 2.0


@dataclasses.dataclass(frozen=True, eq=False)
class Glyph:
    """One character in one font and size.

    Attributes
    ----------
    width, height
        Right and bottom edge of the text's box with its origin at (1, 1), in pixels:
        upstream's `w` and `h`.
    left, top
        Where the ink begins, in pixels from the text's origin; may be negative.
    mask
        uint8 of shape (rows, columns): coverage, cropped to the ink; (0, 0) if blank.
    """

    width: float
    height: float
    left: int
    top: int
    mask: npt.NDArray[np.uint8]

    def clipped_mask(self, dx: int, dy: int, min_coverage: int) -> npt.NDArray[np.uint8]:
        """Return the mask that is left after drawing at (dx, dy) and cropping to the ink.

        Parameters
        ----------
        min_coverage
            The least coverage that counts as ink: see `min_visible_coverage`.

        Returns
        -------
        uint8 of shape (rows, columns)
        """
        columns = slice(max(0, -(self.left + dx)), max(0, int(self.width) - self.left))
        rows = slice(max(0, -(self.top + dy)), max(0, int(self.height) - self.top))
        clipped = self.mask[rows, columns]
        ink = clipped >= min_coverage
        across, down = np.flatnonzero(ink.any(0)), np.flatnonzero(ink.any(1))
        if not len(across):
            return clipped[:0, :0]
        return clipped[down[0] : down[-1] + 1, across[0] : across[-1] + 1]


@functools.cache
def min_visible_coverage(opacity: int) -> int:
    """Return the least coverage whose alpha is above 0 at this opacity; 256 if there is none."""
    return next((coverage for coverage in range(1, 256) if _multiply_255(coverage, opacity)), 256)


def _multiply_255(a: int, b: int) -> int:
    """Return a * b / 255, rounded as Pillow's MULDIV255 rounds."""
    product = a * b + 128
    return ((product >> 8) + product) >> 8


class Typefaces:
    """The faces of a spec in upstream's order: every size of the first font, then of the next."""

    def __init__(self, spec: Spec) -> None:
        look = spec.look
        self._faces = [
            ImageFont.truetype(str(fonts.check(font.name, font.sha256)), size)
            for font in look.fonts
            for size in look.font_sizes
        ]
        self._glyphs: dict[tuple[int, str], Glyph] = {}
        self._boxes: dict[int, npt.NDArray[np.uint8]] = {}
        self._ruler = ImageDraw.Draw(Image.new("RGB", (1, 1)))

    def __len__(self) -> int:
        """Return the number of faces."""
        return len(self._faces)

    def glyph(self, face: int, character: str) -> Glyph:
        """Return a character's glyph in a face; drawn glyphs are kept until `forget`.

        Raises
        ------
        SpecError
            When the font has no usable glyph for it.
        """
        key = face, character
        if key not in self._glyphs:
            glyph = self._draw(self._faces[face], character)
            if self._is_box(face, glyph):
                raise SpecError(_lacking(self._faces[face], character))
            self._glyphs[key] = glyph
        return self._glyphs[key]

    def check(self, characters: str) -> None:
        """Check that every face has a glyph for each of these characters.

        Raises
        ------
        SpecError
            With all characters that the first such font lacks.
        """
        for face in range(len(self)):
            lacking = "".join(character for character in characters if not self._has(face, character))
            if lacking:
                raise SpecError(_lacking(self._faces[face], lacking))
        self.forget()

    def _has(self, face: int, character: str) -> bool:
        try:
            return bool(self.glyph(face, character).mask.size)
        except SpecError:
            return False

    def _is_box(self, face: int, glyph: Glyph) -> bool:
        """Tell whether a glyph is what the font draws for every character that it lacks."""
        if face not in self._boxes:
            self._boxes[face] = self._box(face)
        return bool(glyph.mask.size) and np.array_equal(glyph.mask, self._boxes[face])

    def _box(self, face: int) -> npt.NDArray[np.uint8]:
        try:
            return self._draw(self._faces[face], _NO_CHARACTER).mask
        except SpecError:
            return np.zeros((0, 0), np.uint8)  # nothing is drawn for them

    def forget(self) -> None:
        """Drop the glyphs drawn so far."""
        self._glyphs.clear()

    def _draw(self, face: ImageFont.FreeTypeFont, character: str) -> Glyph:
        _, _, width, height = self._ruler.multiline_textbbox((1, 1), character, font=face)
        if int(width) < 1 or int(height) < 1:
            raise SpecError(_lacking(face, character))
        margin = int(_MARGIN * face.size) + 8
        canvas = Image.new("L", (int(width) + 2 * margin, int(height) + 2 * margin))
        ImageDraw.Draw(canvas).text((margin, margin), character, font=face, fill=255)
        box = canvas.getbbox()
        if box is None:
            return Glyph(width, height, 0, 0, np.zeros((0, 0), np.uint8))
        mask = np.ascontiguousarray(np.asarray(canvas.crop(box)))
        return Glyph(width, height, box[0] - margin, box[1] - margin, mask)


def _lacking(face: ImageFont.FreeTypeFont, characters: str) -> str:
    font = Path(str(face.path)).name
    return f"the font {font} has no glyph for {characters!r}: choose another font or charset"
