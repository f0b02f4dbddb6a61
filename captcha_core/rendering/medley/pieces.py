"""One character of an image: turned, slanted, stretched, and drawn in a manner of strokes."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from .glyphs import Glyph
from .sampling import Sampler
from .waves import turn

Mask = npt.NDArray[np.uint8]


_ONE = 1 << 16
_HALVED = 0.5
"""Masks are halved before they are made smaller than this."""


@dataclasses.dataclass(frozen=True)
class Pose:
    """How a glyph stands: scale factors, columns a row, and degrees."""

    across: float
    down: float
    shear: float = 0.0
    angle: float = 0.0


@dataclasses.dataclass(frozen=True, eq=False)
class Piece:
    """A character as it will be pasted.

    Attributes
    ----------
    mask
        uint8 of shape (rows, columns): coverage, with an empty rim.
    top
        Its first row, from the baseline; negative above it.
    stroke
        Width of its strokes in pixels.
    """

    mask: Mask
    top: float
    stroke: float

    @property
    def width(self) -> int:
        return len(self.mask[0])

    @property
    def height(self) -> int:
        return len(self.mask)


def posed(glyph: Glyph, pose: Pose, sampler: Sampler) -> Piece:
    """Draw a glyph in a pose; its middle stays where it is above the baseline."""
    rows, columns = glyph.mask.shape
    cosine, sine = turn(pose.angle)
    # Column by column, the matrix of: stretch, then slant, then turn.
    a, d = cosine * pose.across, sine * pose.across
    b = (cosine * pose.shear - sine) * pose.down
    e = (sine * pose.shear + cosine) * pose.down
    width = math.ceil(abs(a) * columns + abs(b) * rows) + 2
    height = math.ceil(abs(d) * columns + abs(e) * rows) + 2
    mask = _sampled(glyph, (a, b, d, e), (width, height), sampler)
    stroke = glyph.stroke * min(pose.across, pose.down)
    return Piece(mask, (rows / 2 - glyph.above) * pose.down - height / 2, stroke)


def _sampled(
    glyph: Glyph, forth: tuple[float, float, float, float], size: tuple[int, int], sampler: Sampler
) -> Mask:
    """Draw a glyph through a matrix, its middle in the middle of the result."""
    a, b, d, e = forth
    # Four pixels mixed, where the result shows one of many, would leave gaps.
    small = max(a * a + d * d, b * b + e * e) < _HALVED**2
    source, scale = (glyph.half(), 0.5) if small else (glyph.mask, 1.0)
    unit = scale * _ONE / (a * e - b * d)
    across, down = (e * unit, -b * unit), (-d * unit, a * unit)
    rows, columns = glyph.mask.shape
    # Halved masks have a rim of one more pixel, and pixels' middles lie half a pixel in.
    inset = 0.5 if small else -0.5
    start_x, start_y = scale * columns / 2 + inset, scale * rows / 2 + inset
    return sampler.turned(source, _line(across, start_x, size), _line(down, start_y, size), size)


def _line(slopes: tuple[float, float], start: float, size: tuple[int, int]) -> tuple[int, int, int]:
    x, y = slopes
    return round(x), round(y), round(start * _ONE - x * (size[0] - 1) / 2 - y * (size[1] - 1) / 2)


def bolder(piece: Piece) -> Piece:
    """Thicken all strokes by one pixel."""
    mask = np.zeros((piece.height + 1, piece.width + 1), np.uint8)
    mask[:-1, :-1] = piece.mask
    np.maximum(mask[:, 1:], mask[:, :-1].copy(), out=mask[:, 1:])
    np.maximum(mask[1:], mask[:-1].copy(), out=mask[1:])
    return Piece(mask, piece.top, piece.stroke + 1)


def thinner(piece: Piece) -> Piece:
    """Take a pixel off all strokes."""
    mask = piece.mask.copy()
    np.minimum(mask[:, 1:], piece.mask[:, :-1], out=mask[:, 1:])
    mask[1:] = np.minimum(mask[1:], mask[:-1])
    return Piece(mask, piece.top, piece.stroke - 1)


def outlined(piece: Piece) -> Piece:
    """Keep the rim of the strokes alone, one to two pixels wide."""
    inner = np.pad(piece.mask, 1)
    outer = inner.copy()
    for target, source in _CROSS:
        np.maximum(outer[target], inner[source], out=outer[target])
    return Piece(outer - inner, piece.top - 1, 1.5)


def jagged(piece: Piece) -> Piece:
    """Leave no half-covered pixels, as bitmap fonts do."""
    # Thin strokes are nowhere covered whole: their ink counts from less on.
    level = min(110, int(piece.mask.max()) // 2)
    mask = np.where(piece.mask > level, np.uint8(255), np.uint8(0))
    return Piece(mask, piece.top, piece.stroke)


_CROSS = (
    (np.s_[1:, :], np.s_[:-1, :]),
    (np.s_[:-1, :], np.s_[1:, :]),
    (np.s_[:, 1:], np.s_[:, :-1]),
    (np.s_[:, :-1], np.s_[:, 1:]),
)
