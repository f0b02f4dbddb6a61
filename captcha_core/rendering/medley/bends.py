"""Bent text: waves in both directions and tilted planes, in fixed-point arithmetic."""

import dataclasses
import math

import numpy as np

from ...spec.medley import Medley
from .draws import Draws
from .sampling import Shifts
from .waves import wave

_ONE = 64
"""Steps of a pixel that displacements are counted in."""
_STEEPEST = 0.65
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
    length = capital * draws.uniform(1.2, 6.0)
    height = capital * draws.uniform(0.04, most)
    return min(height, _STEEPEST * length / (2 * math.pi)), length


def shifts(bend: Bend, width: int, height: int) -> tuple[Shifts, Shifts, Shifts]:
    """Return a bend of an image as `sampling.Sampler.bent` takes it."""
    steps = np.arange(width)[:: -1 if bend.left else 1]
    return (
        wave(height, bend.length_across, bend.phases[0], _ONE * bend.across),
        wave(width, bend.length_down, bend.phases[1], _ONE * bend.down),
        256 + steps * round(256 * bend.tilt) // max(1, width - 1),
    )
