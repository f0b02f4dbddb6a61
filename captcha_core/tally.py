"""A table in figures, and the few of its rows that are worth a look."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .results import Row

BINS = 20
"""Intervals of confidence in the histogram."""

_UNREADABLE = 50


@dataclass(frozen=True, slots=True)
class Pick:
    """A row that was picked, and where its image is found: batch, and place in it."""

    row: Row
    batch: int
    place: int


@dataclass
class Tally:
    """Sums over the rows that pass by, and a bounded choice of them.

    Attributes
    ----------
    most
        How many rows of each kind to pick; 0 picks none.
    images, unreadable, rejected, resized
        Rows, and those without a text, under the bound of confidence, of images of another size.
    labelled, right
        Rows with a label, and those whose text is that label.
    histogram
        Number of texts by interval of confidence, `BINS` of them.
    confidence
        Sum over the texts.
    """

    most: int = 0
    images: int = 0
    unreadable: int = 0
    rejected: int = 0
    resized: int = 0
    labelled: int = 0
    right: int = 0
    histogram: Counter[int] = field(default_factory=Counter)
    confidence: float = 0.0
    _certain: list[tuple[float, int, Pick]] = field(default_factory=list)
    _wrong: list[tuple[float, int, Pick]] = field(default_factory=list)
    _unreadable: list[Row] = field(default_factory=list)

    def watch(self, batches: Iterable[list[Row]]) -> Iterator[list[Row]]:
        """Yield batches of rows on, counting them."""
        for batch, rows in enumerate(batches):
            for place, row in enumerate(rows):
                self._add(row, batch, place)
            yield rows

    def least_certain(self) -> list[Pick]:
        """Return the texts of the least confidence, that one first."""
        return [pick for _, _, pick in sorted(self._certain, reverse=True)]

    def wrong(self) -> list[Pick]:
        """Return texts that are not the label, the most confident first: the ones a bound lets through."""
        return [pick for _, _, pick in sorted(self._wrong, reverse=True)]

    def not_read(self) -> list[Row]:
        """Return the first rows with errors."""
        return self._unreadable

    def _add(self, row: Row, batch: int, place: int) -> None:
        self.images += 1
        self.rejected += bool(row.rejected)
        self.resized += row.resized
        wrong = row.label is not None and row.text != row.label
        if row.label is not None:
            self.labelled += 1
            self.right += not wrong
        if row.error or row.confidence is None:
            self.unreadable += 1
            if len(self._unreadable) < min(_UNREADABLE, self.most):
                self._unreadable.append(row)
            return
        self.confidence += row.confidence
        self.histogram[min(BINS - 1, int(row.confidence * BINS))] += 1
        if self.most:
            pick = Pick(row, batch, place)
            # Earlier rows go first among equals; the number keeps picks from being compared.
            self._keep(self._certain, (-row.confidence, -self.images, pick))
            if wrong:
                self._keep(self._wrong, (row.confidence, -self.images, pick))

    def _keep(self, heap: list[tuple[float, int, Pick]], item: tuple[float, int, Pick]) -> None:
        if len(heap) < self.most:
            heapq.heappush(heap, item)
        else:
            heapq.heappushpop(heap, item)
