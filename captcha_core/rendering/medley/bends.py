"""Bent text: waves in both directions and tilted planes, in fixed-point arithmetic."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from ...spec.medley import Medley
from .draws import Draws
from .waves import wave

Mask = npt.NDArray[np.uint8]

_ONE = 64
"""Steps of a pixel that displacements are counted in."""
_STEEPEST = 0.8
"""Greatest displacement a pixel: letters stay whole."""


@dataclasses.dataclass(frozen=True)
class Bend:
    """Displacements, in pixels unless said otherwise.

    Attributes
    ----------
    down, across
        Heights of the waves that shift columns and rows.
    length_down, length_across
        Their lengths.
    phases
        Where they begin, in periods.
    tilt
        How much smaller one end is drawn: 0.3 is 30 %.
    left
        Whether that is the left end.
    """

    down: float = 0.0
    across: float = 0.0
    length_down: float = 1.0
    length_across: float = 1.0
    phases: tuple[float, float] = (0.0, 0.0)
    tilt: float = 0.0
    left: bool = False

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows that the text may move beyond its place."""
        return math.ceil(self.across), math.ceil(self.down)

    def __bool__(self) -> bool:
        return bool(self.down or self.across or self.tilt)


def draw_bend(options: Medley, capital: float, draws: Draws) -> Bend:
    """Draw how the text of an image is bent; `capital` is a capital's height in pixels."""
    tilt = draws.uniform(0.08, 0.4) if draws.chance(options.perspective) else 0.0
    left = draws.chance(0.5)
    if not draws.chance(options.waves):
        return Bend(tilt=tilt, left=left)
    down, length_down = _wave(capital, 0.3, draws)
    across, length_across = _wave(capital, 0.22, draws)
    which = draws.whole(0, 3)
    phases = draws.unit(), draws.unit()
    return Bend(
        down if which != 1 else 0.0,
        across if which != 0 else 0.0,
        length_down,
        length_across,
        phases,
        tilt,
        left,
    )


def _wave(capital: float, most: float, draws: Draws) -> tuple[float, float]:
    length = capital * draws.uniform(0.9, 6.0)
    height = capital * draws.uniform(0.04, most)
    return min(height, _STEEPEST * length / (2 * math.pi)), length


class Bender:
    """Moves masks of one size as a `Bend` says."""

    def __init__(self, bend: Bend, width: int, height: int) -> None:
        columns = np.arange(width, dtype=np.int32) * _ONE
        rows = np.arange(height, dtype=np.int32)[:, None] * _ONE
        x = columns + wave(height, bend.length_across, bend.phases[0], _ONE * bend.across)[:, None]
        y = rows + wave(width, bend.length_down, bend.phases[1], _ONE * bend.down)
        if bend.tilt:
            y = _tilted(y, bend, width, height)
        x = np.clip(x, 0, (width - 1) * _ONE - 1)
        y = np.clip(y, 0, (height - 1) * _ONE - 1)
        self._first = (y // _ONE) * width + x // _ONE
        self._across, self._down = x & (_ONE - 1), y & (_ONE - 1)
        self._width = width

    def bent(self, mask: Mask) -> Mask:
        """Return the mask displaced, between pixels by their neighbours' shares."""
        flat = mask.astype(np.int32).ravel()
        low = _between(flat, self._first, self._across)
        high = _between(flat, self._first + self._width, self._across)
        return ((low * _ONE + (high - low) * self._down) >> 12).astype(np.uint8)

    def moved(self, numbers: Mask) -> Mask:
        """Return numbers displaced by whole pixels."""
        return numbers.ravel().take(self._first)


def _between(
    flat: npt.NDArray[np.int32], first: npt.NDArray[np.int32], share: npt.NDArray[np.int32]
) -> npt.NDArray[np.int32]:
    left = flat.take(first)
    return left * _ONE + (flat.take(first + 1) - left) * share


def _tilted(y: npt.NDArray[np.int32], bend: Bend, width: int, height: int) -> npt.NDArray[np.int32]:
    steps = np.arange(width, dtype=np.int32)[:: -1 if bend.left else 1]
    scale = 256 + steps * np.int32(round(256 * bend.tilt)) // max(1, width - 1)
    middle = np.int32(height * _ONE // 2)
    return middle + ((y - middle) * scale >> 8)
