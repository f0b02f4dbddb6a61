"""A table in figures, and the few of its rows that are worth a look."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .row import Row

BINS = 20
"""Intervals of confidence in the histogram."""

_UNREADABLE = 50


@dataclass(frozen=True, slots=True)
class Pick:
    """A row that was picked, and where its image is found: batch, and place in it."""

    row: Row
    batch: int
    place: int


_Ranked = tuple[float, tuple[int, int], Pick]


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
    _certain: list[_Ranked] = field(default_factory=list)
    _wrong: list[_Ranked] = field(default_factory=list)
    _unreadable: list[Row] = field(default_factory=list)

    def watch(self, batches: Iterable[list[Row]]) -> Iterator[list[Row]]:
        """Yield batches of rows on, counting them."""
        for batch, rows in enumerate(batches):
            self._count(rows)
            if self.most:
                self._choose(rows, batch)
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

    def _count(self, rows: list[Row]) -> None:
        confidences = [row.confidence for row in rows if row.confidence is not None and not row.error]
        self.images += len(rows)
        self.unreadable += len(rows) - len(confidences)
        self.rejected += sum(bool(row.rejected) for row in rows)
        self.resized += sum(row.resized for row in rows)
        labelled = [row for row in rows if row.label is not None]
        self.labelled += len(labelled)
        self.right += sum(row.text == row.label for row in labelled)
        self.confidence = sum(confidences, start=self.confidence)
        self.histogram.update(min(BINS - 1, int(each * BINS)) for each in confidences)

    def _choose(self, rows: list[Row], batch: int) -> None:
        for place, row in enumerate(rows):
            if row.error or row.confidence is None:
                if len(self._unreadable) < min(_UNREADABLE, self.most):
                    self._unreadable.append(row)
                continue
            pick = Pick(row, batch, place)
            # Earlier rows go first among equals; their numbers keep picks from being compared.
            number = (-batch, -place)
            self._keep(self._certain, (-row.confidence, number, pick))
            if row.label is not None and row.text != row.label:
                self._keep(self._wrong, (row.confidence, number, pick))

    def _keep(self, heap: list[_Ranked], item: _Ranked) -> None:
        if len(heap) < self.most:
            heapq.heappush(heap, item)
        else:
            heapq.heappushpop(heap, item)
