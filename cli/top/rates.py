"""How fast counters have grown lately."""

import itertools
from collections import deque
from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.-=+*%#"


class Rates:
    """The growth of counters from one look to the next.

    Attributes
    ----------
    kept
        Number of looks that are kept.
    """

    def __init__(self, kept: int = 60) -> None:
        self._looks: deque[tuple[float, dict[str, int]]] = deque(maxlen=kept + 1)

    def add(self, moment: float, counters: dict[str, int]) -> None:
        """Add a look at all counters, at a time in seconds."""
        self._looks.append((moment, counters))

    def growth(self, name: str) -> list[float]:
        """Return a counter's growth a second between the looks that are kept, the oldest first.

        A counter that has fallen, as after a loss of Redis's data, has not grown.
        """
        return [
            max(0, after.get(name, 0) - before.get(name, 0)) / max(1e-9, later - earlier)
            for (earlier, before), (later, after) in itertools.pairwise(self._looks)
        ]

    def now(self, name: str, seconds: float = 10.0) -> float | None:
        """Return a counter's growth a second over the last seconds; None after the first look."""
        if len(self._looks) < 2:
            return None
        end, after = self._looks[-1]
        start, before = next(
            (look for look in self._looks if look[0] >= end - seconds and look[0] < end), self._looks[-2]
        )
        return max(0, after.get(name, 0) - before.get(name, 0)) / max(1e-9, end - start)


def sparkline(values: Sequence[float], width: int, *, ascii_only: bool = False) -> str:
    """Return values as bars, a character each: the last of them, as many as there is room for.

    The highest value has the highest bar; what is not 0 has more than the lowest.
    """
    bars = _ASCII_BARS if ascii_only else _BARS
    shown = list(values)[-width:] if width > 0 else []
    highest = max(shown, default=0.0)
    return "".join(bars[_height(value, highest, len(bars) - 1)] for value in shown)


def _height(value: float, highest: float, top: int) -> int:
    return max(1, round(value / highest * top)) if value > 0 else 0
