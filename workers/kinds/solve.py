"""Reading many images: a unit is a batch of them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from captcha_core.codecs.figures import percent_text
from captcha_core.evaluation import Evaluation
from captcha_core.inputs.lists import STANDARD_INPUT
from captcha_core.solving.finish import finish
from captcha_core.solving.reader import read_batch
from captcha_core.solving.reading import Reading
from captcha_core.solving.stages import StageTimes

from ..app import GPU
from ..errors import UnlistedJobError
from ..ledger.job import Job
from ..ledger.ledger import Ledger
from .base import Context, Kind, Outcome, Request


class SolveRequest(Request):
    """Which reading, with what network, and how its table is judged.

    Attributes
    ----------
    out
        Path or URL of the table.
    token
        The reading for that table; empty before it has started.
    checkpoint
        The network's folder or name.
    min_confidence
        Texts with a lower confidence are marked as rejected; None marks none.
    report
        Path or URL of the HTML report; empty for none.
    batch
        Images a unit has at the most.
    """

    out: str
    token: str = ""
    checkpoint: str
    min_confidence: float | None = None
    report: str = ""
    batch: int = 2048


class Solve(Kind[SolveRequest]):
    units = "batches"
    queue = GPU
    command = "solve-dir"
    counted_as = "solved"
    output_field = "out"
    request_type = SolveRequest

    def prepare(self) -> None:
        from ..process import models  # noqa: F401

    def run(self, request: SolveRequest, job: Job, unit: int, context: Context) -> Outcome:
        # Here, so that a worker that only renders never loads an engine.
        from ..process.models import solver

        reading = Reading.at(request.out, request.token)
        plan, times = reading.plan, StageTimes()
        result = read_batch(
            reading,
            unit,
            lambda: solver(request.checkpoint, plan.digest, plan.decoding, times),
            context.check,
            times,
        )
        outcome = Outcome(counts=result.counts, stage_seconds=times.seconds, faults=result.faults)
        evaluation = result.evaluation()
        if not evaluation.images:
            return outcome
        labelled = {"labelled": evaluation.images, "right": evaluation.right}
        return replace(outcome, counts=result.counts | labelled, part=evaluation.to_json())

    def finish(self, request: SolveRequest, job: Job, ledger: Ledger, context: Context) -> dict[str, Any]:
        marks, errors = ledger.marks(job.id), ledger.errors(job.id)
        parts = map(Evaluation.from_json, ledger.parts(job.id))
        summary = finish(
            Reading.at(request.out, request.token),
            kept=job.counts.get("kept", 0),
            evaluation=sum(parts, start=Evaluation()),
            failed={unit: errors.get(unit, "") for unit, mark in enumerate(marks) if mark == "x"},
            min_confidence=request.min_confidence,
            report=request.report,
            checkpoint=request.checkpoint,
            check=context.check_lease,
        )
        return summary.as_json()

    def tidy(self, request: SolveRequest) -> None:
        try:
            Reading.at(request.out, request.token).remove()
        except FileNotFoundError:
            return  # a twin has tidied

    def images_a_unit(self, request: SolveRequest) -> int:
        return request.batch

    def listing(self, request: SolveRequest, check: Callable[[], None]) -> Iterator[int]:
        try:
            reading = Reading.at(request.out, request.token)
        except FileNotFoundError:
            raise UnlistedJobError(f"the working folder of the reading for {request.out} is gone") from None
        if reading.listing_end is None and reading.plan.source.url == STANDARD_INPUT:
            raise UnlistedJobError("its images came from standard input, which ended too early")
        return reading.batches(check)

    def figures(self, job: Job) -> dict[str, str]:
        labelled = job.counts.get("labelled", 0)
        return {"right": percent_text(job.counts["right"] / labelled)} if labelled else {}
