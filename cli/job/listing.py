"""A reading's job: opened while its images are listed, or taken up where its command died."""

import itertools
import time
from collections.abc import Iterator

from captcha_core.solving.reading import Reading
from workers.kinds.solve import SolveRequest
from workers.ledger.job import Job, State
from workers.ledger.ledger import LEASE_SECONDS, Ledger
from workers.units.publishing import being_listed

from ..terminal import note
from .submission import refuse_second

_LOOK_SECONDS = 0.2


def interrupted_job(ledger: Ledger, request: SolveRequest) -> Job | None:
    """Return the job for the same table whose command died while it listed the images; None without one.

    The right to publish that job is the caller's then.

    Raises
    ------
    JobError
        When a job for that table is at work.
    """
    for job in ledger.active():
        if job.kind == "solve" and job.request["out"] == request.out and being_listed(job):
            if not _take_over(ledger, job):
                break
            if _without_token(SolveRequest.model_validate(job.request)) == _without_token(request):
                return ledger.get(job.id)
            _drop(ledger, job)
    refuse_second(ledger, "solve", "out", request.out)
    return None


def listed_batches(reading: Reading) -> Iterator[int] | None:
    """Return the numbers of a reading's batches, the first of which is there; None when there are no images.

    Nothing is left behind then, nor when the listing fails at once.
    """
    batches = reading.batches()
    try:
        first = next(batches, None)
    except BaseException:
        if not reading.batches_listed:
            reading.remove()
        raise
    if first is None:
        reading.remove()
        return None
    return itertools.chain([first], batches)


def open_job(ledger: Ledger, request: SolveRequest, reading: Reading, interrupted: Job | None = None) -> Job:
    """Return a job for a reading, the interrupted one or a new one, with the right to publish it."""
    if interrupted and _can_go_on(ledger, reading, interrupted):
        note(f"going on with {interrupted.id}")
        return interrupted
    if interrupted:
        _drop(ledger, interrupted)  # its units are those of files that are no longer there
    request = request.model_copy(update={"token": reading.plan.token})
    job = ledger.create("solve", request.model_dump(mode="json"), total=-1)
    ledger.take_publishing(job.id)
    return job


def _without_token(request: SolveRequest) -> SolveRequest:
    return request.model_copy(update={"token": ""})


def _can_go_on(ledger: Ledger, reading: Reading, job: Job) -> bool:
    """Return whether the files are those that a job knows: its reading, its lists, and the rows it made."""
    if job.request["token"] != reading.plan.token or reading.batches_listed < job.published:
        return False
    done = (unit for unit, mark in enumerate(ledger.marks(job.id)) if mark == "d")
    return all(reading.done(unit) for unit in done)


def _take_over(ledger: Ledger, job: Job) -> bool:
    """Wait until a publisher that died is known to be dead; False when it lives."""
    end = time.monotonic() + LEASE_SECONDS + 1
    while not ledger.take_publishing(job.id):
        if time.monotonic() > end:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _drop(ledger: Ledger, job: Job) -> None:
    ledger.close(job.id, State.CANCELLED, error="taken over by another job")
    ledger.release_publishing(job.id)
