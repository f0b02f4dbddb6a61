"""Reading many images: a unit is a batch of them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from captcha_core.errors import ImageError
from captcha_core.evaluation import Evaluation
from captcha_core.images.files import read_file
from captcha_core.inputs import Entry, Inputs, Item
from captcha_core.solving.batches import Batches
from captcha_core.solving.plan import BatchPlan
from captcha_core.storage.whole import beside
from captcha_core.tables import Row
from captcha_core.tables.summary import PickedRow, TableSummary

from ..app import GPU
from ..ledger.job import Job
from ..ledger.ledger import Ledger
from .base import Context, Kind, Outcome, Request

if TYPE_CHECKING:
    from captcha_core.codecs.answer import Answer

_PICTURES = 100  # of each kind in a report


class SolveRequest(Request):
    """What is read, with what, and how it is judged.

    Attributes
    ----------
    out
        The results' path or URL, beside which the batches lie.
    checkpoint
        The network's folder or name.
    min_confidence
        Texts under it are marked as rejected; None marks none.
    report
        Path or URL of the HTML report; empty for none.
    """

    out: str
    checkpoint: str
    min_confidence: float | None = None
    report: str = ""


class Solve(Kind[SolveRequest]):
    name = "solve"
    unit = "batch"
    units = "batches"
    task = "capq.solve.batch"
    queue = GPU
    request = SolveRequest

    def run(self, request: SolveRequest, job: Job, unit: int, context: Context) -> Outcome:
        batches = Batches.find(request.out)
        entries = batches.entries(unit)
        if batches.done(unit):
            rows = batches.rows(unit)
        else:
            rows = _read(batches, request.checkpoint, entries, context)
            batches.write_rows(unit, rows)
        found = _evaluation(rows)
        counts = {
            "images": len(rows),
            "kept": sum(entry.row is not None for entry in entries),
            "unreadable": sum(bool(row.error) for row in rows),
            "resized": sum(row.resized for row in rows),
        }
        if not found.images:
            return Outcome(counts=counts)
        return Outcome(counts=counts | {"labelled": found.images, "right": found.right}, part=found.to_json())

    def finish(self, request: SolveRequest, job: Job, ledger: Ledger) -> dict[str, Any]:
        batches = Batches.find(request.out)
        marks, errors = ledger.marks(job.id), ledger.errors(job.id)
        missing = {unit: errors.get(unit, "") for unit, mark in enumerate(marks) if mark == "x"}
        tally = TableSummary(max_picks=_PICTURES if request.report else 0)
        rows = _judged(batches.results(missing), request.min_confidence)
        batches.write_table(tally.observe(rows), rejected=request.min_confidence is not None)
        found = sum((Evaluation.from_json(part) for part in ledger.parts(job.id)), start=Evaluation())
        summary = {
            "out": request.out,
            "images": tally.images,
            "kept": job.counts.get("kept", 0),
            "unreadable": tally.unreadable,
            "resized": tally.resized,
            "checkpoint": batches.plan.checkpoint,
        } | batches.plan.decoding.model_dump(mode="json", exclude_none=True)
        if request.min_confidence is not None:
            summary |= {"min_confidence": request.min_confidence, "rejected": tally.rejected}
        if batches.plan.labels:
            summary["evaluation"] = found.summary()
        if request.report:
            _write_report(request, batches, tally, found)
            summary["report"] = request.report
        return summary

    def tidy(self, request: SolveRequest) -> None:
        Batches.remove(request.out)

    def figures(self, job: Job) -> dict[str, str]:
        labelled = job.counts.get("labelled", 0)
        return {"right": f"{job.counts['right'] / labelled:.2%}"} if labelled else {}


def _read(batches: Batches, checkpoint: str, entries: Sequence[Entry], context: Context) -> list[Row]:
    """Read a batch; what an earlier reading knows of it is kept."""
    unread = [entry for entry in entries if entry.row is None]
    fresh = _solved(batches, checkpoint, unread, context)
    labelled = bool(batches.plan.labels)
    return [
        entry.row._replace(label=entry.label if labelled else None) if entry.row else next(fresh)
        for entry in entries
    ]


def _solved(batches: Batches, checkpoint: str, entries: Sequence[Entry], context: Context) -> Iterator[Row]:
    if not entries:
        return
    items = batches.plan.source.open().items(entries)
    found = _readings(batches.plan, checkpoint, items, context)
    for entry, reading in zip(entries, found, strict=True):
        if reading.error:
            yield Row(path=entry.path, error=reading.error, label=entry.label)
        else:
            yield Row(
                path=entry.path,
                text=reading.text,
                confidence=reading.confidence,
                characters=reading.characters if batches.plan.characters else None,
                label=entry.label,
                resized=reading.resized,
            )


def _readings(
    plan: BatchPlan, checkpoint: str, items: Iterable[Item], context: Context
) -> Iterator["Answer"]:
    # Here, so that a worker that only renders never loads an engine.
    from ..process.models import solver

    for reading in solver(checkpoint, plan.checkpoint, plan.decoding).stream(items):
        context.check()
        yield reading


def _judged(batches: Iterable[list[Row]], bound: float | None) -> Iterator[list[Row]]:
    """Yield the rows, marked where their confidence is under the bound or they have no text."""
    for rows in batches:
        if bound is None:
            yield [row if row.rejected is None else row._replace(rejected=None) for row in rows]
        else:
            yield [row._replace(rejected=row.confidence is None or row.confidence < bound) for row in rows]


def _evaluation(rows: Iterable[Row]) -> Evaluation:
    """Count what is right among the rows whose truth is known."""
    # Here and below, so that the command, which runs no unit, never loads numpy and Pillow.
    from captcha_core.codecs.answer import Answer

    return Evaluation.count(
        (row.label, Answer(row.text, row.confidence or 0.0, (), row.error or None))
        for row in rows
        if row.label is not None
    )


def _write_report(request: SolveRequest, batches: Batches, tally: TableSummary, found: Evaluation) -> None:
    from captcha_core.reports import page

    picks = [*tally.wrong(), *tally.least_certain()]
    facts = {"images": f"{tally.images:,}", "not read": f"{tally.unreadable:,}"}
    texts = tally.images - tally.unreadable
    if texts:
        facts["mean confidence"] = f"{tally.confidence / texts:.4f}"
    if request.min_confidence is not None:
        facts[f"rejected (under {request.min_confidence:g})"] = f"{tally.rejected:,}"
    if tally.resized:
        facts["resized"] = f"{tally.resized:,}, which the network was not trained for"
    if found.images:
        low, high = found.accuracy.interval
        facts["right"] = (
            f"{found.right:,} of {found.images:,} with a label: {found.right / found.images:.2%} "
            f"({low:.2%} – {high:.2%})"
        )
    facts["network"] = f"{request.checkpoint}, {batches.plan.checkpoint[:12]}"
    if batches.plan.decoding.options:
        facts["decoding"] = batches.plan.decoding.options
    facts["images from"] = batches.plan.source.url
    facts["table"] = request.out
    text = page.page(
        "Texts of " + batches.plan.source.url, facts, tally, _pictures(batches, picks), found.confusions()
    )
    with beside(request.report) as file:
        file.write(text.encode())


def _pictures(batches: Batches, picks: Sequence[PickedRow]) -> dict[tuple[int, int], bytes]:
    """Read the picked images again, batch by batch; one that is gone has no picture."""
    inputs: Inputs = batches.plan.source.open()
    places: dict[int, set[int]] = {}
    for pick in picks:
        places.setdefault(pick.batch, set()).add(pick.index)
    pictures = {}
    for batch, chosen in sorted(places.items()):
        entries = batches.entries(batch)
        numbers = sorted(chosen)
        for place, item in zip(numbers, inputs.items([entries[n] for n in numbers]), strict=True):
            picture = _picture(item)
            if picture:
                pictures[batch, place] = picture
    return pictures


def _picture(item: Item) -> bytes | None:
    from captcha_core.reports import page

    try:
        if isinstance(item, ImageError):
            raise item
        return page.thumbnail(item if isinstance(item, bytes) else read_file(item))
    except ImageError:
        return None
