"""Sines in whole numbers, so that every machine bends the same way."""

import math

import numpy as np
import numpy.typing as npt

ONE = 1 << 12
_STEPS = 1024
_TABLE = np.array([round(ONE * math.sin(2 * math.pi * k / _STEPS)) for k in range(_STEPS)], np.int64)


def wave(count: int, length: float, phase: float, height: float) -> npt.NDArray[np.int64]:
    """Return `count` samples of a sine.

    Parameters
    ----------
    length, phase
        Samples a period; where it begins, in periods.
    height
        Amplitude, rounded to whole units.
    """
    step, start = round(_STEPS * 256 / length), round(_STEPS * 256 * phase)
    places = (np.arange(count, dtype=np.int64) * step + start >> 8) & (_STEPS - 1)
    samples: npt.NDArray[np.int64] = _TABLE[places] * round(height) >> 12
    return samples


def turn(degrees: float) -> tuple[float, float]:
    """Return cosine and sine, rounded past the last bits that libraries differ in."""
    angle = math.radians(degrees)
    return round(math.cos(angle), 12), round(math.sin(angle), 12)
