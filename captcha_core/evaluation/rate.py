"""A share with its confidence interval."""

import math
from dataclasses import dataclass
from typing import Any

_Z = 1.959963984540054  # two-sided 95 %


@dataclass(frozen=True)
class Rate:
    """A share with its 95 % confidence interval (Wilson score interval, 1927).

    Attributes
    ----------
    right, count
        Successes among so many trials.
    """

    right: int
    count: int

    @property
    def value(self) -> float | None:
        """The share, 0 to 1; None without trials."""
        return self.right / self.count if self.count else None

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound of the 95 % interval; (0, 1) without trials."""
        if not self.count:
            return 0.0, 1.0
        n, p = self.count, self.right / self.count
        centre = p + _Z**2 / (2 * n)
        spread = _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n * n))
        scale = 1 + _Z**2 / n
        return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)

    def summary(self) -> dict[str, Any]:
        """Return the share, its interval and its counts as values for JSON."""
        low, high = self.interval
        return {"value": self.value, "low": low, "high": high, "right": self.right, "count": self.count}
