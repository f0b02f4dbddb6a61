"""A reading's job: opened while its images are listed, or taken up where its command died."""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from workers.errors import OutputInUseError
from workers.ledger.job import Job, State
from workers.ledger.leases import Lease
from workers.ledger.ledger import Ledger
from workers.units.publishing import STOPPED_LISTING, being_listed

from ..terminal import note
from .submission import delayed_interrupt

if TYPE_CHECKING:  # `capq cancel` and others stop a listing, and need nothing of what reads
    from captcha_core.solving.reading import Reading
    from workers.kinds.solve import SolveRequest

_LOOK_SECONDS = 0.2


class Opening:
    """What a command has leased while it opens the job of a reading.

    That is the output, or the publication of a job for the same table whose command died while it
    listed the images. `close` gives back what no job has taken over.

    Attributes
    ----------
    interrupted
        That job; None without one.
    """

    def __init__(self, ledger: Ledger, request: "SolveRequest") -> None:
        """Take the lease.

        Raises
        ------
        OutputInUseError
            When a job for that table is at work, or another command opens one.
        """
        self._ledger = ledger
        self._request = request
        self.interrupted: Job | None = None
        self._opened: Job | None = None
        self._lease = self._take_over() or ledger.claim_output(request.out)

    def check(self) -> None:
        """Raise LeaseLostError when another process may be at work on the output by now."""
        self._lease.check()

    def job(self, reading: "Reading") -> tuple[Job, Lease]:
        """Return a job for a reading, the interrupted one or a new one, and the lease to publish it."""
        if self.interrupted and _can_go_on(self._ledger, reading, self.interrupted):
            note(f"going on with {self.interrupted.id}")
            self._opened = self.interrupted
            return self.interrupted, self._lease
        if self.interrupted:  # its units are those of files that are no longer there
            _drop(self._ledger, self.interrupted, self._lease)
            self._lease = self._ledger.claim_output(self._request.out)
        request = self._request.model_copy(update={"token": reading.plan.token})
        with delayed_interrupt():  # which `close` answers by cancelling the job, as soon as it has one
            job = self._ledger.create(
                "solve", request.model_dump(mode="json"), total=-1, output=request.out, claim=self._lease
            )
            self._lease = hold_publishing(self._ledger, job)
            self._opened = job
        return job, self._lease

    def close(self) -> None:
        """Give back the lease; a job that is still being listed is stopped."""
        if self._opened:
            stop_listing(self._ledger, self._opened, self._lease)
        else:
            with self._lease:
                pass

    def _take_over(self) -> Lease | None:
        """Return the lease to publish the interrupted job for the same table; None without one."""
        job = self._ledger.job_of_output(self._request.out)
        publisher = _dead_publisher(self._ledger, job) if job and being_listed(job) else None
        if not job or not publisher:
            return None
        if _what_is_read(self._request.model_validate(job.request)) == _what_is_read(self._request):
            self.interrupted = self._ledger.get(job.id)
            return publisher
        _drop(self._ledger, job, publisher)
        return None


@contextlib.contextmanager
def opening(ledger: Ledger, request: "SolveRequest") -> Iterator[Opening]:
    """Yield what is leased for a reading's job, and give back what no job has taken over.

    Raises
    ------
    OutputInUseError
        When a job for that table is at work, or another command opens one.
    """
    with contextlib.closing(Opening(ledger, request)) as opened:
        yield opened


def hold_publishing(ledger: Ledger, job: Job) -> Lease:
    """Take the lease to publish a job.

    Raises
    ------
    OutputInUseError
        When another command has it.
    """
    publisher = ledger.hold_publishing(job.id)
    if publisher is None:
        raise OutputInUseError(f"another command lists the images of {job.id} now: capq wait {job.id}")
    return publisher


def stop_listing(ledger: Ledger, job: Job, publisher: Lease) -> None:
    """Cancel a job whose listing its command leaves before it has begun; afterwards this does nothing."""
    if publisher.stopped:
        return
    with publisher:
        ledger.close(job.id, State.CANCELLED, error=STOPPED_LISTING, publisher=publisher.owner)


def listed_batches(reading: "Reading", check: Callable[[], None]) -> Iterator[int] | None:
    """Return the numbers of a reading's batches, the first of which is there; None when there are no images.

    Nothing is left behind then, nor when the listing fails at once.

    Parameters
    ----------
    check
        Called before a list is written; an exception it raises ends the listing.
    """
    batches = reading.batches(check)
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


def _what_is_read(request: "SolveRequest") -> "SolveRequest":
    return request.model_copy(update={"token": "", "batch": 0})


def _can_go_on(ledger: Ledger, reading: "Reading", job: Job) -> bool:
    """Return whether the files are those that a job knows: its reading, its lists, and the rows it made."""
    if job.request["token"] != reading.plan.token or reading.batches_listed < job.published:
        return False
    done = (unit for unit, mark in enumerate(ledger.marks(job.id)) if mark == "d")
    return all(reading.done(unit) for unit in done)


def _dead_publisher(ledger: Ledger, job: Job) -> Lease | None:
    """Wait until a publisher that died is known to be dead, and take its lease; None when it lives."""
    end = time.monotonic() + ledger.leases.seconds + 1
    while not (publisher := ledger.hold_publishing(job.id)):
        if time.monotonic() > end:
            return None
        time.sleep(_LOOK_SECONDS)
    return publisher


def _drop(ledger: Ledger, job: Job, publisher: Lease) -> None:
    ledger.close(job.id, State.CANCELLED, error="taken over by another job")
    publisher.release()
