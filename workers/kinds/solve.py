"""Reading a directory: a unit is a batch of images."""

from pathlib import Path
from typing import Any

from captcha_core.batches import Batches
from captcha_core.results import Row

from ..app import GPU
from ..jobs import Job
from ..ledger import Ledger
from .base import Context, Kind, Outcome, Request


class SolveRequest(Request):
    """Attributes: the results' path or URL, beside which the batches lie; the network's folder or name."""

    out: str
    checkpoint: str


class Solve(Kind[SolveRequest]):
    name = "solve"
    unit = "batch"
    units = "batches"
    task = "capq.solve.batch"
    queue = GPU
    request = SolveRequest

    def run(self, request: SolveRequest, job: Job, unit: int, context: Context) -> Outcome:
        batches = Batches.find(request.out)
        if batches.done(unit):
            rows = batches.rows(unit)
        else:
            rows = _read(batches, request.checkpoint, unit, context)
            batches.write_part(unit, rows)
        return Outcome(counts={"images": len(rows), "unreadable": sum(bool(row.error) for row in rows)})

    def finish(self, request: SolveRequest, job: Job, ledger: Ledger) -> dict[str, Any]:
        batches = Batches.find(request.out)
        marks = ledger.marks(job.id)
        errors = ledger.errors(job.id)
        missing = {unit: errors.get(unit, "") for unit, mark in enumerate(marks) if mark == "x"}
        batches.merge(missing)
        return {
            "out": request.out,
            "images": batches.plan.images,
            "unreadable": job.counts.get("unreadable", 0),
            "checkpoint": batches.plan.checkpoint,
        }

    def tidy(self, request: SolveRequest) -> None:
        Batches.remove(request.out)


def _read(batches: Batches, checkpoint: str, unit: int, context: Context) -> list[Row]:
    # Here, so that a worker that only renders never loads torch.
    from ..models import solver

    paths = batches.inputs(unit)
    root = Path(batches.plan.directory)
    readings = solver(checkpoint, batches.plan.checkpoint).stream(root / path for path in paths)
    rows = []
    for path, reading in zip(paths, readings, strict=True):
        context.check()
        if reading.error:
            rows.append(Row(path=path, error=reading.error))
        else:
            rows.append(Row(path=path, text=reading.text, confidence=reading.confidence))
    return rows
