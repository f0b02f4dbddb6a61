"""The figures of a results table, and the few rows that are worth inspecting."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..codecs.restrictions import is_right
from .row import Row

BINS = 20
"""Intervals of confidence in the histogram."""

_MAX_UNREADABLE = 50


@dataclass(frozen=True, slots=True)
class PickedRow:
    """A row picked for the report, with the number of its batch and its index within the batch.

    Attributes
    ----------
    wrong
        Whether the text is not the ground-truth label; False without one.
    """

    row: Row
    batch: int
    index: int
    wrong: bool = False


_RankedPick = tuple[float, tuple[int, int], PickedRow]


@dataclass
class TableSummary:
    """Sums over the rows of a table, and a bounded number of rows picked for the report.

    Attributes
    ----------
    max_picks
        The most rows to pick of each sort (least certain, wrong, unreadable); 0 picks none.
    ignore_case
        Whether texts are compared with their labels without regard to case.
    images, unreadable, rejected, resized
        Number of rows; of those without a text, under the threshold, and of resized images.
    labelled, right
        Number of rows with a label, and of those whose text is the label.
    histogram
        Number of texts in each of `BINS` intervals of confidence.
    confidence
        Sum of the confidences of all texts.
    """

    max_picks: int = 0
    ignore_case: bool = False
    images: int = 0
    unreadable: int = 0
    rejected: int = 0
    resized: int = 0
    labelled: int = 0
    right: int = 0
    histogram: Counter[int] = field(default_factory=Counter)
    confidence: float = 0.0
    _least_certain: list[_RankedPick] = field(default_factory=list)
    _wrong: list[_RankedPick] = field(default_factory=list)
    _unreadable: list[Row] = field(default_factory=list)

    def observe(self, batches: Iterable[list[Row]]) -> Iterator[list[Row]]:
        """Yield the batches of rows unchanged, and count their rows on the way."""
        for batch, rows in enumerate(batches):
            self._count(rows)
            if self.max_picks:
                self._pick(rows, batch)
            yield rows

    def least_certain(self) -> list[PickedRow]:
        """Return the rows of least confidence, least first."""
        return [pick for _, _, pick in sorted(self._least_certain, reverse=True)]

    def most_confident_wrong(self) -> list[PickedRow]:
        """Return the rows whose text is not the label, most confident first: those a threshold keeps."""
        return [pick for _, _, pick in sorted(self._wrong, reverse=True)]

    def first_unreadable(self) -> list[Row]:
        """Return the first rows without a text."""
        return self._unreadable

    def _count(self, rows: list[Row]) -> None:
        confidences = [row.confidence for row in rows if row.confidence is not None and not row.error]
        self.images += len(rows)
        self.unreadable += len(rows) - len(confidences)
        self.rejected += sum(bool(row.rejected) for row in rows)
        self.resized += sum(row.resized for row in rows)
        labelled = [row for row in rows if row.label is not None]
        self.labelled += len(labelled)
        self.right += sum(not self._is_wrong(row) for row in labelled)
        self.confidence = sum(confidences, start=self.confidence)
        self.histogram.update(min(BINS - 1, int(confidence * BINS)) for confidence in confidences)

    def _pick(self, rows: list[Row], batch: int) -> None:
        for index, row in enumerate(rows):
            if row.error or row.confidence is None:
                if len(self._unreadable) < min(_MAX_UNREADABLE, self.max_picks):
                    self._unreadable.append(row)
                continue
            pick = PickedRow(row, batch, index, self._is_wrong(row))
            # Equals are ordered by their place in the table, which also keeps picks from being compared.
            order = (-batch, -index)
            self._push(self._least_certain, (-row.confidence, order, pick))
            if pick.wrong:
                self._push(self._wrong, (row.confidence, order, pick))

    def _is_wrong(self, row: Row) -> bool:
        return row.label is not None and not is_right(row.text, row.label, ignore_case=self.ignore_case)

    def _push(self, heap: list[_RankedPick], item: _RankedPick) -> None:
        """Add an item to a heap that keeps the `max_picks` greatest ones."""
        if len(heap) < self.max_picks:
            heapq.heappush(heap, item)
        else:
            heapq.heappushpop(heap, item)
