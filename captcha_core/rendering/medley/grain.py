"""Noise kept ready: images take a stretch of it from a place that they draw."""

import functools
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from .draws import Draws

_SIZE = 1 << 19
_KEY = 0x6D65646C6579
DEVIATION = 64
"""Standard deviation of `normal`."""


T = TypeVar("T", bound=np.generic)


def _stretch(bank: npt.NDArray[T], draws: Draws, count: int) -> npt.NDArray[T]:
    start = draws.whole(0, max(0, len(bank) - count))
    return bank[start : start + count] if count <= len(bank) else np.resize(bank, count)


@functools.cache
def _bytes() -> npt.NDArray[np.uint8]:
    raw = np.random.Philox(key=_KEY).random_raw(_SIZE // 2)
    data: npt.NDArray[np.uint8] = raw.astype("<u8", copy=False).view(np.uint8)
    return data


@functools.cache
def _bells() -> npt.NDArray[np.int16]:
    """Sums of four bytes, which are close to a bell curve and need no logarithm."""
    sums = _bytes().reshape(-1, 4).astype(np.int32).sum(1) - 510
    bells: npt.NDArray[np.int16] = (sums * DEVIATION // 148).astype(np.int16)
    return bells


def even(draws: Draws, count: int) -> npt.NDArray[np.uint8]:
    """Return `count` bytes, each value as likely."""
    return _stretch(_bytes(), draws, count)


def normal(draws: Draws, count: int) -> npt.NDArray[np.int16]:
    """Return `count` int16 around 0, with standard deviation `DEVIATION`."""
    return _stretch(_bells(), draws, count)


def points(draws: Draws, count: int, width: int, height: int) -> npt.NDArray[np.int64]:
    """Return int64 of shape (count, 2): columns and rows within a width and a height."""
    pairs = even(draws, 4 * count).view("<u2").reshape(count, 2).astype(np.int64)
    spots: npt.NDArray[np.int64] = pairs * np.array([width, height]) >> 16
    return spots
