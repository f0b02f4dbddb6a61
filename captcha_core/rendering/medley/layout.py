"""Where the characters of an image stand, and how large the image around them is."""

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...spec import Spec
from ...spec.medley import Medley, Stroke
from .bends import Bend, draw_bend
from .draws import Draws
from .glyphs import CAPITAL, Glyphs
from .pieces import Piece, Pose, bolder, jagged, outlined, posed, thinner
from .sampling import Sampler

Mask = npt.NDArray[np.uint8]

_USUAL_WIDTH, _USUAL_PITCH = 240, 0.55
"""Pixels that most images are at most wide; a character's share of that, in heights."""
_LEAST_CAPITAL = 8.0
"""Pixels below which letters of most fonts run together."""
_LEAST_STROKE = 0.9
"""Pixels a stroke must have in the fitted image."""
_LEAST_PITCH = 12.0
"""Columns of the fitted image that a character has, wherever the text alone allows it."""
_NARROWEST = 1.5
"""Least width of an image, in heights."""
_OUTLINE_CAPITAL = 20.0
_THINNED = 2.6
_RIM = 2
"""Empty columns of two neighbouring masks."""
_ROOMY = 0.5
"""Greatest empty width beside the text, in widths of the text."""
_TURNED, _SLANTED, _SLANTED_EACH, _UNEVEN = 0.6, 0.3, 0.15, 0.6
"""Shares of images whose characters are turned, slanted alike, each for itself, off the line."""
_IN_CELLS, _CLOSE = 0.2, 0.4
"""Shares of images with a cell for each character; with neighbours that touch or nearly do."""


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """The text of an image before anything is coloured.

    Attributes
    ----------
    width, height
        Of the image, in pixels.
    pieces
        A mask, its first column and its first row for each character.
    capital, stroke
        Height of a capital and width of the thinnest strokes, in pixels.
    bend
        How the text is to be bent.
    """

    width: int
    height: int
    pieces: tuple[tuple[Mask, int, int], ...]
    capital: float
    stroke: float
    bend: Bend

    def coverage(self) -> Mask:
        """Return the coverage of all characters, uint8 of shape (height, width)."""
        coverage = np.zeros((self.height, self.width), np.uint8)
        for mask, x, y in self.pieces:
            window = coverage[y : y + mask.shape[0], x : x + mask.shape[1]]
            np.maximum(window, mask, out=window)
        return coverage

    def owners(self) -> Mask:
        """Return at each pixel the place of the character that covers it most; 0 where none does."""
        coverage = np.zeros((self.height, self.width), np.uint8)
        owners = np.zeros_like(coverage)
        for place, (mask, x, y) in enumerate(self.pieces):
            window = np.s_[y : y + mask.shape[0], x : x + mask.shape[1]]
            np.copyto(owners[window], place, where=mask > coverage[window])
            np.maximum(coverage[window], mask, out=coverage[window])
        return owners


class Typesetter:
    """Lays out texts in the fonts of a spec."""

    def __init__(self, spec: Spec, options: Medley, glyphs: Glyphs, sampler: Sampler) -> None:
        self._size = spec.width, spec.height
        self._options = options
        self._glyphs = glyphs
        self._sampler = sampler

    def lay_out(self, text: str, draws: Draws) -> Layout:
        """Draw how a text stands, and make the image as large as it needs."""
        low, high = self._options.heights
        # Long texts are drawn smaller, as web pages have room for: larger ones cost time and show no more.
        high = max(low, min(high, round(_USUAL_WIDTH / (len(text) * _USUAL_PITCH))))
        height = low * (high / low) ** draws.unit()
        capital = max(_LEAST_CAPITAL, height * draws.uniform(*self._options.letter_heights))
        bend = draw_bend(self._options, capital, draws)
        pieces = self._pieces(text, capital, draws)
        columns = self._columns(pieces, draws)
        rows = _rows(pieces, capital, draws)
        spread = (
            max(x + piece.width for x, piece in zip(columns, pieces, strict=True)),
            max(y + piece.height for y, piece in zip(rows, pieces, strict=True)),
        )
        (width, height), (left, top) = self._frame(spread, len(text), height, bend, draws)
        pieces = self._thick_enough(pieces, width, height)
        placed = tuple(
            (piece.mask, left + x, top + y) for piece, x, y in zip(pieces, columns, rows, strict=True)
        )
        stroke = min(piece.stroke for piece in pieces)
        # A thickened stroke needs a pixel more on the right and below.
        return Layout(width + 2, height + 2, placed, capital, stroke, bend)

    def _pieces(self, text: str, capital: float, draws: Draws) -> list[Piece]:
        options = self._options
        one_font = draws.chance(options.one_font)
        font = draws.whole(0, len(self._glyphs) - 1)
        manner = draws.weighted(options.strokes)
        across = draws.uniform(*options.widths)
        jitter = draws.uniform(*options.size_jitter) * draws.unit()
        reach = draws.unit() if draws.chance(_TURNED) else 0.0
        slant = draws.uniform(*options.shear) * draws.unit() if draws.chance(_SLANTED) else 0.0
        own_slant = draws.unit() if draws.chance(_SLANTED_EACH) else 0.0
        if manner == "outline":
            capital = max(capital, _OUTLINE_CAPITAL)
        pieces = []
        for character in text:
            if not one_font:
                font = draws.whole(0, len(self._glyphs) - 1)
            height = max(_LEAST_CAPITAL, capital * (1 + jitter * draws.uniform(-1, 1)))
            glyph, scale = self._glyphs.glyph(font, character), height / CAPITAL
            shear = slant + own_slant * draws.uniform(*options.shear) if own_slant else slant
            angle = reach * draws.uniform(*options.rotate) if reach else 0.0
            piece = posed(glyph, Pose(scale * across, scale, shear, angle), self._sampler)
            pieces.append(_in_manner(piece, manner))
        return pieces

    def _columns(self, pieces: Sequence[Piece], draws: Draws) -> list[int]:
        """Return each character's first column, the first character's being 0."""
        if draws.chance(_IN_CELLS):
            return _cells(pieces, draws)
        low, high = self._options.spacing
        spacing = draws.uniform(low, min(high, 0.12)) if draws.chance(_CLOSE) else draws.uniform(low, high)
        jitter = draws.uniform(0, 0.15)
        columns = [0]
        for left, right in itertools.pairwise(pieces):
            gap = max(low, spacing + jitter * draws.uniform(-1, 1)) * min(left.width, right.width)
            columns.append(columns[-1] + max(2, left.width - _RIM + round(gap)))
        first = min(columns)
        return [column - first for column in columns]

    def _frame(
        self, spread: tuple[int, int], characters: int, height: float, bend: Bend, draws: Draws
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return width and height of the image, and where the text's corner comes."""
        across, down = bend.room
        width, rows = spread[0] + 2 * across + 2, spread[1] + 2 * down + 2
        height = max(rows, round(height))
        widest = round(self._size[0] * spread[0] / (characters * _LEAST_PITCH))
        spare = height * draws.uniform(0, 0.3) + width * (_ROOMY * draws.unit() if draws.chance(0.5) else 0)
        total = max(width, min(round(width + spare), widest), round(_NARROWEST * height))
        height = max(height, math.ceil(total / self._options.widest))
        left = round((total - width) * (draws.unit() if draws.chance(0.6) else 0.5))
        top = round((height - rows) * (draws.unit() if draws.chance(0.5) else 0.5))
        return (total, height), (left + across + 1, top + down + 1)

    def _thick_enough(self, pieces: Sequence[Piece], width: int, height: int) -> list[Piece]:
        """Thicken strokes that fitting to the spec's size would leave too thin."""
        scale = min(self._size[0] / width, self._size[1] / height)
        return [bolder(piece) if piece.stroke * scale < _LEAST_STROKE else piece for piece in pieces]


def _in_manner(piece: Piece, manner: Stroke) -> Piece:
    match manner:
        case "bold":
            return bolder(piece)
        case "thin" if piece.stroke >= _THINNED:
            return thinner(piece)
        case "outline" if piece.stroke >= _THINNED:
            return outlined(piece)
        case "jagged":
            return jagged(piece)
    return piece


def _cells(pieces: Sequence[Piece], draws: Draws) -> list[int]:
    """Centre the characters in cells of one width."""
    cell = max(piece.width for piece in pieces) * draws.uniform(0.75, 1.5)
    starts = [round(place * cell + (cell - piece.width) / 2) for place, piece in enumerate(pieces)]
    first = min(starts)
    return [start - first for start in starts]


def _rows(pieces: Sequence[Piece], capital: float, draws: Draws) -> list[int]:
    """Return each character's first row, the highest one's being 0."""
    jitter = capital * draws.uniform(0, 0.35) if draws.chance(_UNEVEN) else 0.0
    rows = [round(piece.top + jitter * draws.uniform(-1, 1)) for piece in pieces]
    first = min(rows)
    return [row - first for row in rows]
