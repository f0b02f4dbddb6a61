"""One batch of a reading: from its images to its rows."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..codecs.answer import Answer
from ..evaluation import Evaluation
from ..images import faults
from ..inputs import Entry
from ..tables import Row
from .reading import Reading
from .stages import WRITE, StageTimes

if TYPE_CHECKING:
    from .solver import Solver


@dataclass(frozen=True)
class BatchResult:
    """The rows of a batch, one for each image, in the images' order.

    Attributes
    ----------
    kept
        How many of the rows come from an earlier reading.
    ignore_case
        Whether texts are compared with their labels without regard to case.
    """

    rows: list[Row]
    kept: int
    ignore_case: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """How many images there are, and how many of them are kept, unreadable and resized."""
        return {
            "images": len(self.rows),
            "kept": self.kept,
            "unreadable": sum(bool(row.error) for row in self.rows),
            "resized": sum(row.resized for row in self.rows),
        }

    @property
    def faults(self) -> dict[str, int]:
        """How many images could not be read, by why, as `images.faults` classes it."""
        return Counter(faults.fault(row.error) for row in self.rows if row.error)

    def evaluation(self) -> Evaluation:
        """Compare the texts with the ground-truth labels, where there are labels."""
        answers = (
            (row.label, Answer(row.text, row.confidence or 0.0, (), row.error or None))
            for row in self.rows
            if row.label is not None
        )
        return Evaluation.count(answers, ignore_case=self.ignore_case)


def read_batch(
    reading: Reading,
    batch: int,
    load_solver: "Callable[[], Solver]",
    check: Callable[[], None],
    times: StageTimes | None = None,
) -> BatchResult:
    """Read a batch and write its rows; when these are there already, return them.

    Parameters
    ----------
    load_solver
        Returns the solver; called only when the batch has images that are not read yet.
    check
        Called before each answer, and before the rows are written; an exception it raises ends the
        batch without rows.
    times
        Gets the time that writing takes; the solver has those of its stages.
    """
    entries = reading.entries(batch)
    if reading.done(batch):
        rows = reading.rows(batch)
    else:
        rows = _read(reading, entries, load_solver, check)
        check()
        with (times or StageTimes()).measured(WRITE):
            reading.write_rows(batch, rows)
    kept = sum(entry.row is not None for entry in entries)
    return BatchResult(rows, kept, reading.plan.decoding.ignore_case)


def _read(
    reading: Reading,
    entries: Sequence[Entry],
    load_solver: "Callable[[], Solver]",
    check: Callable[[], None],
) -> list[Row]:
    """Return the rows of a batch; those that an earlier reading made are kept."""
    unread = [entry for entry in entries if entry.row is None]
    answers = _answers(reading, unread, load_solver, check) if unread else iter(())
    labelled = bool(reading.plan.labels)
    return [
        entry.row._replace(label=entry.label if labelled else None)
        if entry.row
        else _row(entry, next(answers), characters=reading.plan.characters)
        for entry in entries
    ]


def _answers(
    reading: Reading,
    entries: Sequence[Entry],
    load_solver: "Callable[[], Solver]",
    check: Callable[[], None],
) -> Iterator[Answer]:
    items = reading.plan.source.open().items(entries)
    for answer in load_solver().stream(items):
        check()
        yield answer


def _row(entry: Entry, answer: Answer, *, characters: bool) -> Row:
    if answer.error:
        return Row(path=entry.path, error=answer.error, label=entry.label)
    return Row(
        path=entry.path,
        text=answer.text,
        confidence=answer.confidence,
        characters=answer.characters if characters else None,
        label=entry.label,
        resized=answer.resized,
    )
