"""A reading's job: opened while its images are listed, or taken up where its command died."""

import itertools
import time
from collections.abc import Iterator

from captcha_core.solving import reading
from captcha_core.solving.batches import Batches
from workers.kinds.solve import SolveRequest
from workers.ledger.job import Job, State
from workers.ledger.ledger import LEASE_SECONDS, Ledger
from workers.units.publishing import listing

from ..terminal import note
from .submission import refuse_twice

_LOOK_SECONDS = 0.2


def cut_short(ledger: Ledger, request: SolveRequest) -> Job | None:
    """Return the job for the same table whose command died while it listed the images, if there is one.

    The right to publish that job is the caller's then.

    Raises
    ------
    JobError
        When a job for that table is at work.
    """
    for job in ledger.active():
        if job.kind == "solve" and job.request["out"] == request.out and listing(job):
            if not _taken_over(ledger, job):
                break
            if job.request == request.model_dump(mode="json"):
                return ledger.get(job.id)
            _drop(ledger, job)
    refuse_twice(ledger, "solve", "out", request.out)
    return None


def begun_units(batches: Batches) -> Iterator[int] | None:
    """Return the numbers of a reading's batches, the first of which is there; None when there are no images.

    Nothing is left behind then, nor when the listing fails at once.
    """
    units = reading.units(batches)
    try:
        first = next(units, None)
    except BaseException:
        if not batches.written():
            Batches.remove(batches.plan.out)
        raise
    if first is None:
        Batches.remove(batches.plan.out)
        return None
    return itertools.chain([first], units)


def opened(ledger: Ledger, request: SolveRequest, batches: Batches, cut: Job | None = None) -> Job:
    """Return a job for a reading, the one that was cut short or a new one, with the right to publish it."""
    if cut and _goes_on(ledger, batches, cut):
        note(f"going on with {cut.id}")
        return cut
    if cut:
        _drop(ledger, cut)  # its units are those of files that are no longer there
    job = ledger.create("solve", request.model_dump(mode="json"), total=-1)
    ledger.take_publishing(job.id)
    return job


def _goes_on(ledger: Ledger, batches: Batches, job: Job) -> bool:
    """Tell whether the files are still those that a job knows: its lists, and what it has read of them."""
    read = (unit for unit, mark in enumerate(ledger.marks(job.id)) if mark == "d")
    return batches.written() >= job.published and all(batches.done(unit) for unit in read)


def _taken_over(ledger: Ledger, job: Job) -> bool:
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
