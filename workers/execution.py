"""How a unit runs: ask the ledger, do the work, record it, and start what follows."""

import logging
import time
from collections.abc import Callable

import redis
from billiard.exceptions import SoftTimeLimitExceeded

from captcha_core.errors import CapqError

from . import metrics
from .errors import JobCancelledError, JobError
from .jobs import Job, State
from .kinds import KINDS, Kind
from .ledger import Ledger, Verdict, ledger
from .publishing import publish_finish, publish_unit
from .settings import settings

log = logging.getLogger(__name__)

Again = Callable[[Exception, int], Exception]
"""Given an error and the attempt's number, returns what to raise for Celery to try again."""

_CANCEL_CHECK_SECONDS = 0.5


def run_unit(job_id: str, unit: int, again: Again) -> None:
    """Run one unit of a job, if it still needs to run.

    Effects happen once however often the message is delivered: the unit's files are a pure
    function of its job and number, and the ledger keeps the first record only.
    """
    book = ledger()
    begun = book.begin(job_id, unit, settings().max_attempts)
    if begun.verdict is not Verdict.RUN:
        log.info("%s unit %d: not run, %s", job_id, unit, begun.verdict)
        _catch_up(book, job_id, unit, begun.completed)
        return
    job = book.get(job_id)
    kind = KINDS[job.kind]
    started = time.monotonic()
    try:
        outcome = kind.run(kind.request.model_validate(job.request), job, unit, _cancel_check(book, job_id))
    except JobCancelledError:
        metrics.unit_ended(job.kind, "cancelled", time.monotonic() - started)
        return
    except redis.RedisError:
        raise  # the message stays unacknowledged or is tried again by Celery; nothing can be recorded now
    except (Exception, SoftTimeLimitExceeded) as error:  # noqa: BLE001 (any fault of a unit is its record)
        _failed(book, job, unit, begun.attempt, error, again, time.monotonic() - started)
        return
    recorded = book.record(
        job_id, unit, counts=outcome.counts, latest=outcome.latest, part=outcome.part, total=outcome.total
    )
    if recorded.first:
        metrics.unit_ended(job.kind, "done", time.monotonic() - started)
        metrics.images(job.kind, outcome.counts)
    _follow(kind, job_id, unit, recorded.completed)


def finish_job(job_id: str) -> None:
    """Put a job's results together and close it."""
    book = ledger()
    job = book.get(job_id)
    if job.state is not State.FINISHING:
        return
    kind = KINDS[job.kind]
    try:
        summary = kind.finish(kind.request.model_validate(job.request), job, book)
    except CapqError as error:
        book.close(job_id, State.FAILED, error=str(error), only_from=State.FINISHING)
        return
    except redis.RedisError:
        raise
    except Exception as error:
        log.exception("%s: its results could not be put together", job_id)
        book.close(job_id, State.FAILED, error=_describe(error), only_from=State.FINISHING)
        return
    error_text = f"{job.dead} of {job.total} {kind.unit} units failed" if job.dead else ""
    book.close(
        job_id,
        State.FAILED if job.dead else State.DONE,
        summary=summary,
        error=error_text,
        only_from=State.FINISHING,
    )


def _failed(book: Ledger, job: Job, unit: int, attempt: int, error: Exception, again: Again, seconds: float) -> None:
    log.warning("%s unit %d, attempt %d failed", job.id, unit, attempt, exc_info=error)
    text = _describe(error)
    if attempt < settings().max_attempts and not isinstance(error, CapqError):
        book.note_error(job.id, unit, text)
        metrics.unit_ended(job.kind, "retried", seconds)
        raise again(error, attempt)
    recorded = book.record(job.id, unit, error=text)
    if recorded.first:
        metrics.unit_ended(job.kind, "dead", seconds)
    if recorded.completed:
        publish_finish(job.id, job.kind)


def _follow(kind: Kind, job_id: str, unit: int, completed: bool) -> None:
    if completed:
        publish_finish(job_id, kind.name)
    elif kind.sequential:
        publish_unit(job_id, kind.name, unit + 1)


def _catch_up(book: Ledger, job_id: str, unit: int, completed: bool) -> None:
    """Send what a worker that died between recording and publishing still owed."""
    try:
        job = book.get(job_id)
    except JobError:
        return
    if completed:
        publish_finish(job_id, job.kind)
    elif KINDS[job.kind].sequential and not job.state.closed and unit == job.done - 1:
        publish_unit(job_id, job.kind, unit + 1)


def _cancel_check(book: Ledger, job_id: str) -> Callable[[], None]:
    """Return a check cheap enough to call between sub-batches."""
    looked = time.monotonic()

    def check() -> None:
        nonlocal looked
        now = time.monotonic()
        if now - looked < _CANCEL_CHECK_SECONDS:
            return
        looked = now
        if book.state(job_id) in (None, State.CANCELLED):
            raise JobCancelledError(job_id)

    return check


def _describe(error: BaseException) -> str:
    return str(error) if isinstance(error, CapqError) else f"{type(error).__name__}: {error}"
