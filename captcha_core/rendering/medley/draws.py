"""An image's random draws, from its row of words."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from ..randomness import Words

T = TypeVar("T")

_SCALE = 2.0**-32
_STEP = 2654435761
"""Knuth's multiplier, which makes further words of those used up."""


class Draws:
    """Numbers for one image; the same row of words gives the same ones everywhere."""

    def __init__(self, words: Words) -> None:
        self._words = _endless(words.tolist())

    def unit(self) -> float:
        """Return a number of [0, 1)."""
        return next(self._words) * _SCALE

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * next(self._words) * _SCALE

    def whole(self, low: int, high: int) -> int:
        """Return a whole number, both ends included."""
        return low + (next(self._words) * (high - low + 1) >> 32)

    def chance(self, share: float) -> bool:
        return next(self._words) * _SCALE < share

    def choice(self, options: Sequence[T]) -> T:
        return options[next(self._words) * len(options) >> 32]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """Return one of the keys, as often as its value says."""
        limits = itertools.accumulate(weights.values())
        share = self.unit() * sum(weights.values())
        return next(option for option, limit in zip(weights, limits, strict=True) if share < limit)


def _endless(words: list[int]) -> Iterator[int]:
    for turn in itertools.count():
        yield from words
        words = [(word * _STEP + turn) & 0xFFFFFFFF for word in words]
