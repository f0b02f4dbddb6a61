"""How well the characters of finished images stand out: what a distribution is judged by."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from .composition import Tracing

Pixels = npt.NDArray[np.uint8]
Levels = npt.NDArray[np.float64]

_INK, _GROUND = 96, 24
"""Coverage from which a pixel is ink, and up to which it is ground."""
_REACH = 6
"""Pixels around a stroke that it is compared with."""


def contrasts(image: Pixels, tracing: Tracing, characters: int) -> list[float]:
    """Return by how many grey levels each character differs from the ground around it.

    Ink and ground are compared within a few pixels, so regions with the two swapped count
    as what they are.

    Parameters
    ----------
    image
        uint8 of shape (height, width, 3): the image, stretched to its size.
    tracing
        Where its characters are.
    """
    grey = image.astype(np.float64) @ (0.299, 0.587, 0.114)
    size = image.shape[1], image.shape[0]
    coverage = np.asarray(Image.fromarray(tracing.coverage).resize(size, Image.Resampling.BILINEAR))
    assert tracing.owners is not None  # noqa: S101  (as asked for)
    owners = np.asarray(Image.fromarray(tracing.owners).resize(size, Image.Resampling.NEAREST))
    ground = coverage <= _GROUND
    around = _mean_nearby(grey, ground)
    result = []
    for character in range(characters):
        ink = (coverage >= _INK) & (owners == character)
        away = np.abs(_mean_nearby(grey, ink) - around)[ink]
        away = away[np.isfinite(away)]
        result.append(float(away.mean()) if len(away) else 0.0)
    return result


def ink_on_the_edge(tracing: Tracing) -> float:
    """Return the share of an image's ink that lies on its outermost pixels."""
    ink = tracing.coverage.astype(np.float64)
    return float(1 - ink[1:-1, 1:-1].sum() / max(1.0, ink.sum()))


def _mean_nearby(grey: Levels, where: npt.NDArray[np.bool_]) -> Levels:
    """Return around each pixel the mean of those that count; not a number where none do."""
    total, count = _box(grey * where), _box(where.astype(np.float64))
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _box(values: Levels) -> Levels:
    """Sum over a square around each pixel."""
    padded = np.pad(values, ((_REACH + 1, _REACH), (_REACH + 1, _REACH)))
    sums = padded.cumsum(0).cumsum(1)
    side = 2 * _REACH + 1
    boxes: Levels = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return boxes
