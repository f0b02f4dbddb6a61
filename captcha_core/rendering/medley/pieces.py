"""One character of an image: turned, slanted, stretched, and drawn in a manner of strokes."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from .glyphs import Glyph
from .waves import turn

Mask = npt.NDArray[np.uint8]


_HALVED = 0.4
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
        return self.mask.shape[1]

    @property
    def height(self) -> int:
        return self.mask.shape[0]


def posed(glyph: Glyph, pose: Pose) -> Piece:
    """Draw a glyph in a pose; its middle stays where it is above the baseline."""
    mask = glyph.mask
    stroke = glyph.stroke * min(pose.across, pose.down)
    middle = (mask.height / 2 - glyph.above) * pose.down
    if pose.angle or pose.shear:
        image = _turned(mask, pose)
    else:
        image = _scaled(mask, pose)
    return Piece(np.asarray(image), middle - image.height / 2, stroke)


def _scaled(mask: Image.Image, pose: Pose) -> Image.Image:
    size = max(4, round(mask.width * pose.across)), max(5, round(mask.height * pose.down))
    return mask.resize(size, Image.Resampling.BILINEAR)


def _turned(mask: Image.Image, pose: Pose) -> Image.Image:
    if max(pose.across, pose.down) < _HALVED:
        # Sampling four pixels of so many more would leave gaps.
        mask, pose = mask.reduce(2), dataclasses.replace(pose, across=2 * pose.across, down=2 * pose.down)
    cosine, sine = turn(pose.angle)
    # Column by column, the matrix of: stretch, then slant, then turn.
    a, d = cosine * pose.across, sine * pose.across
    b = (cosine * pose.shear - sine) * pose.down
    e = (sine * pose.shear + cosine) * pose.down
    width = math.ceil(abs(a) * mask.width + abs(b) * mask.height) + 1
    height = math.ceil(abs(d) * mask.width + abs(e) * mask.height) + 1
    size = a * e - b * d
    a, b, d, e = e / size, -b / size, -d / size, a / size
    back = (
        (a, b, (mask.width - a * width - b * height) / 2)
        + (d, e, (mask.height - d * width - e * height) / 2)
    )  # fmt: skip
    return mask.transform((width, height), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)


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
    mask = np.where(piece.mask > 110, np.uint8(255), np.uint8(0))
    return Piece(mask, piece.top, piece.stroke)


_CROSS = (
    (np.s_[1:, :], np.s_[:-1, :]),
    (np.s_[:-1, :], np.s_[1:, :]),
    (np.s_[:, 1:], np.s_[:, :-1]),
    (np.s_[:, :-1], np.s_[:, 1:]),
)
