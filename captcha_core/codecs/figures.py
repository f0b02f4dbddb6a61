"""Shares and probabilities as text: never 0 or 1 for what is neither."""

import math

_EXACT = 1e-12  # nearer to 0 or 1 than that is the arithmetic's doing


def probability_text(value: float, decimals: int = 4) -> str:
    """Return a probability, with more decimals where it lies near 0 or 1: ``0.9131``, ``0.999993``."""
    return f"{value:.{_needed(value, decimals)}f}"


def percent_text(value: float) -> str:
    """Return a share in percent, with more decimals where it lies near 0 or 1: ``91.31%``, ``99.998%``."""
    return f"{value:.{_needed(value, 4) - 2}%}"


def _needed(value: float, decimals: int) -> int:
    """Return how many decimals tell a value from 0 and from 1, at least `decimals`."""
    distance = min(abs(value), abs(1 - value))
    return decimals if distance < _EXACT else max(decimals, math.ceil(-math.log10(distance) - 1e-6))
