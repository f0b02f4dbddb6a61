"""Whether letters are drawn in the case that their labels have, told from how high they reach.

Small letters such as ``a c e m`` are lower than ``b d f h k l t``; their capitals are as high. The
images are cut into as many columns as their labels have characters. Over many images, the edges in
the columns of either sort show how much of a letter lies in the upper part: small letters without
an ascender have about 0.6 of what those with one have, capitals 0.9 to 1.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

_LOW = frozenset("acemnorsuvwxz")
_HIGH = frozenset("bdfhklt")
_ROWS = 20
_FEWEST = 30  # letters of each sort, in each half of the images
_SMALL, _CAPITAL = 0.75, 0.82  # shares that tell small letters, and capitals
_EDGE = 0.25  # of the sharpest edge, that counts
_WORDS = {"small": "small letters", "capitals": "capitals"}

Key = tuple[bool, bool, int]
"""Whether the label is a capital; whether it is of the low sort; the half of the images."""


class DrawnCase:
    """Gathers the profiles of letters, image after image."""

    def __init__(self) -> None:
        self._sums: dict[Key, npt.NDArray[np.float64]] = {}
        self._counts: dict[Key, int] = {}
        self._images = 0

    def observe(self, grey: npt.NDArray[np.uint8], text: str) -> None:
        """Add an image: uint8 (H, W), and its label."""
        self._images += 1
        edges = _edges(grey)
        columns = np.flatnonzero(edges.any(0))
        if len(columns) < len(text):
            return
        borders = np.linspace(columns[0], columns[-1] + 1, len(text) + 1).astype(int).tolist()
        for character, start, end in zip(text, borders, borders[1:], strict=False):
            low = character.lower() in _LOW
            if start < end and (low or character.lower() in _HIGH):
                key = character.isupper(), low, self._images % 2
                profile = _resampled(edges[:, start:end].mean(1))
                self._sums[key] = self._sums.get(key, np.zeros(_ROWS)) + profile
                self._counts[key] = self._counts.get(key, 0) + 1

    def verdicts(self) -> list[dict[str, Any]]:
        """Return, for labels in small letters and for capitals, the case in which they are drawn.

        ``drawn`` is ``small``, ``capitals`` (or both cases), or ``unknown`` where the images do
        not tell.
        """
        return [
            {"labels": name, "drawn": self._drawn(capital), "letters": self._letters(capital)}
            for capital, name in ((False, "small"), (True, "capitals"))
            if self._letters(capital)
        ]

    def _letters(self, capital: bool) -> int:
        return sum(count for (case, _, _), count in self._counts.items() if case == capital)

    def _drawn(self, capital: bool) -> str:
        shares = [self._share(capital, half) for half in (0, 1)]
        if any(share is None for share in shares):
            return "unknown"
        known = [share for share in shares if share is not None]
        if max(known) < _SMALL:
            return "small"
        return "capitals" if min(known) > _CAPITAL else "unknown"

    def _share(self, capital: bool, half: int) -> float | None:
        """Return how much of a low letter lies in the upper part, as a share of a high letter's."""
        low, high = (capital, True, half), (capital, False, half)
        if min(self._counts.get(low, 0), self._counts.get(high, 0)) < _FEWEST:
            return None
        profiles = np.stack([self._sums[high] / self._counts[high], self._sums[low] / self._counts[low]])
        profiles -= profiles.min()
        rows = np.flatnonzero(profiles[0] > 0.3 * profiles[0].max())
        start, end = int(rows[0]), int(rows[-1]) + 1
        upper = slice(start, start + max(1, round(0.3 * (end - start))))
        lower = slice(start + round(0.4 * (end - start)), end)
        shares = profiles[:, upper].sum(1) / np.maximum(profiles[:, lower].sum(1), 1e-9)
        return float(shares[1] / shares[0]) if shares[0] else None


def contradiction(verdicts: list[dict[str, Any]]) -> str:
    """Say which labels have another case than their images, as a clause; empty for none."""
    wrong = [verdict for verdict in verdicts if verdict["drawn"] not in (verdict["labels"], "unknown")]
    return "; ".join(
        f"labels in {_WORDS[verdict['labels']]} are of images that show {_WORDS[verdict['drawn']]}"
        + (", or both" if verdict["drawn"] == "capitals" else "")
        for verdict in wrong
    )


def _edges(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    steps = np.abs(np.diff(grey.astype(np.int16), axis=1))
    return steps > max(1.0, _EDGE * float(np.quantile(steps, 0.999))) if steps.size else steps > 0


def _resampled(profile: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    positions = np.linspace(0, len(profile) - 1, _ROWS)
    return np.interp(positions, np.arange(len(profile)), profile)
