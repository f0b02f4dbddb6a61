"""The end of a reading: its rows put together into the table, its figures and its report."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..codecs.figures import percent_text, probability_text
from ..errors import ImageError
from ..evaluation import Evaluation
from ..images.files import read_file
from ..inputs import Item
from ..tables import Row
from ..tables.summary import PickedRow, TableSummary
from .outputs import report_file
from .reading import Reading

_PICTURES = 100  # of each kind in a report


@dataclass(frozen=True, kw_only=True)
class ReadingSummary:
    """What a finished reading made.

    Attributes
    ----------
    out
        Path or URL of the table.
    images, kept, unreadable, resized
        Rows in it; those of an earlier reading; those without a text; those of images that had
        another size than the network reads.
    checkpoint, digest
        Name or path of the checkpoint, empty if unknown, and its digest; in the JSON ``network``
        and ``checkpoint``.
    decoding
        The options of decoding, given or taken from a sample; absent ones read all.
    min_confidence, rejected
        The least confidence that was asked for, and how many rows are under it or have no
        text; None without one.
    evaluation
        The texts against the ground-truth labels; None when no labels were named.
    report
        Path or URL of the HTML report; empty for none.
    """

    out: str
    images: int
    kept: int
    unreadable: int
    resized: int
    digest: str
    decoding: dict[str, Any]
    checkpoint: str = ""
    min_confidence: float | None = None
    rejected: int | None = None
    evaluation: Evaluation | None = None
    report: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values; what was not asked for is left out."""
        values: dict[str, Any] = {
            "out": self.out,
            "images": self.images,
            "kept": self.kept,
            "unreadable": self.unreadable,
            "resized": self.resized,
            "network": self.checkpoint,
            "checkpoint": self.digest,
        } | self.decoding
        if self.min_confidence is not None:
            values |= {"min_confidence": self.min_confidence, "rejected": self.rejected}
        if self.evaluation is not None:
            values["evaluation"] = self.evaluation.summary()
        if self.report:
            values["report"] = self.report
        return values


def finish(
    reading: Reading,
    *,
    kept: int,
    evaluation: Evaluation,
    failed: dict[int, str] | None = None,
    min_confidence: float | None = None,
    report: str = "",
    checkpoint: str = "",
    check: Callable[[], None] = lambda: None,
) -> ReadingSummary:
    """Write the table of a reading whose batches have all been read or set aside.

    The working folder stays: remove it with `Reading.remove` when the result is recorded.

    Parameters
    ----------
    kept, evaluation
        Sums over the batches' results.
    failed
        Errors of batches that were set aside, by number; each of their images gets a row with it.
    min_confidence
        Adds a column ``rejected``: true where the confidence is lower, or there is no text.
    report
        Path or URL of an HTML page with the doubtful images; empty for none.
    checkpoint
        Name or path of the checkpoint, for the summary and the report.
    check
        Called before what was written takes its place; an exception it raises leaves things as they were.
    """
    failed = failed or {}
    figures = TableSummary(
        max_picks=_PICTURES if report else 0, ignore_case=reading.plan.decoding.ignore_case
    )
    rows = _checked(_with_rejected(reading.all_rows(failed), min_confidence), check)
    reading.write_table(figures.observe(rows), rejected=min_confidence is not None, complete=not failed)
    if report:
        facts = _facts(reading, figures, evaluation, min_confidence, checkpoint)
        _write_report(report, reading, facts, figures, evaluation)
    return ReadingSummary(
        out=reading.out,
        images=figures.images,
        kept=kept,
        unreadable=figures.unreadable,
        resized=figures.resized,
        checkpoint=checkpoint,
        digest=reading.plan.digest,
        decoding=reading.plan.decoding.model_dump(mode="json", exclude_none=True),
        min_confidence=min_confidence,
        rejected=None if min_confidence is None else figures.rejected,
        evaluation=evaluation if reading.plan.labels else None,
        report=report,
    )


def _checked(batches: Iterable[list[Row]], check: Callable[[], None]) -> Iterator[list[Row]]:
    """Yield the rows, and call `check` after the last of them, before their table is complete."""
    yield from batches
    check()


def _with_rejected(batches: Iterable[list[Row]], min_confidence: float | None) -> Iterator[list[Row]]:
    """Yield the rows, marked where their confidence is too low or they have no text."""
    for rows in batches:
        if min_confidence is None:
            yield [row if row.rejected is None else row._replace(rejected=None) for row in rows]
        else:
            yield [
                row._replace(rejected=row.confidence is None or row.confidence < min_confidence)
                for row in rows
            ]


def _facts(
    reading: Reading,
    figures: TableSummary,
    evaluation: Evaluation,
    min_confidence: float | None,
    checkpoint: str,
) -> dict[str, str]:
    """Return the lines at the head of the report."""
    plan = reading.plan
    facts = {"images": f"{figures.images:,}", "not read": f"{figures.unreadable:,}"}
    texts = figures.images - figures.unreadable
    if texts:
        facts["mean confidence"] = probability_text(figures.confidence / texts)
    if min_confidence is not None:
        facts[f"rejected (under {min_confidence:g})"] = f"{figures.rejected:,}"
    if figures.resized:
        facts["resized"] = f"{figures.resized:,}, which the network was not trained for"
    if evaluation.images:
        low, high = map(percent_text, evaluation.accuracy.interval)
        facts["right"] = (
            f"{evaluation.right:,} of {evaluation.images:,} with a label: "
            f"{percent_text(evaluation.right / evaluation.images)} ({low} – {high})"
        )
    facts["network"] = ", ".join(filter(None, (checkpoint, plan.digest[:12])))
    if plan.decoding.options:
        facts["decoding"] = plan.decoding.description
    return facts | {"images from": plan.source.url, "table": plan.out}


def _write_report(
    url: str, reading: Reading, facts: dict[str, str], figures: TableSummary, evaluation: Evaluation
) -> None:
    # Here, so that a command that runs no unit loads neither numpy nor Pillow.
    from ..reports import page

    pictures = _pictures(reading, [*figures.most_confident_wrong(), *figures.least_certain()])
    title = f"Texts of {reading.plan.source.url}"
    html = page.page(title, facts, figures, pictures, evaluation.confusions())
    # What may be replaced was checked before the work (`check_outputs`).
    report_file(url, reading.out, overwrite=True).write(html.encode())


def _pictures(reading: Reading, picks: Sequence[PickedRow]) -> dict[tuple[int, int], bytes]:
    """Read the picked images again, batch by batch; one that is gone has no picture."""
    inputs = reading.plan.source.open()
    indices: dict[int, set[int]] = {}
    for pick in picks:
        indices.setdefault(pick.batch, set()).add(pick.index)
    pictures = {}
    for batch in sorted(indices):
        in_order = sorted(indices[batch])
        entries = reading.entries(batch)
        items = inputs.items([entries[index] for index in in_order])
        for index, item in zip(in_order, items, strict=True):
            picture = _picture(item)
            if picture:
                pictures[batch, index] = picture
    return pictures


def _picture(item: Item) -> bytes | None:
    from ..reports import document

    try:
        if isinstance(item, ImageError):
            raise item
        return document.thumbnail(item if isinstance(item, bytes) else read_file(item))
    except ImageError:
        return None
