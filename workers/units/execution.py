"""How a unit runs: ask the ledger, do the work, record it, and start what follows."""

import logging
import time
from collections.abc import Callable
from typing import Any

import redis

from captcha_core.errors import CapqError

from ..errors import JobCancelledError, JobError
from ..kinds import KINDS, Kind
from ..kinds.base import Context
from ..ledger.job import Job, State
from ..ledger.ledger import Begun, Ledger, Verdict, ledger
from ..process import metrics
from ..settings import settings
from .publishing import publish_finish, publish_unit

log = logging.getLogger(__name__)

Again = Callable[[Exception, int], Exception]
"""Given an error and the attempt's number, returns what to raise for Celery to try again."""

_LOOK_SECONDS = 0.5


def run_unit(job_id: str, unit: int, again: Again) -> None:
    """Run one unit of a job, if it still needs to run.

    Effects happen once however often the message is delivered: the unit's files are a pure
    function of its job and number, and the ledger keeps the first record only.
    """
    book = ledger()
    begun = book.begin(job_id, unit, settings().max_attempts)
    if begun.verdict is not Verdict.RUN:
        log.info("%s unit %d: not run, %s", job_id, unit, begun.verdict)
        _catch_up(book, job_id, unit, begun)
        return
    job = book.get(job_id)
    kind = KINDS[job.kind]
    started = time.monotonic()
    try:
        outcome = kind.run(kind.request.model_validate(job.request), job, unit, _context(book, job_id))
    except JobCancelledError:
        metrics.unit_ended(job.kind, "cancelled", time.monotonic() - started)
        return
    except redis.RedisError:
        raise  # the message stays unacknowledged or is tried again by Celery; nothing can be recorded now
    except Exception as error:  # noqa: BLE001 (any fault of a unit is its record)
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
    kind = KINDS[job.kind]
    request = kind.request.model_validate(job.request)
    if job.state is State.FINISHING:
        try:
            summary = kind.finish(request, job, book)
        except redis.RedisError:
            raise
        except Exception as error:
            log.exception("%s: its results could not be put together", job_id)
            book.close(job_id, State.FAILED, error=_describe(error), only_from=State.FINISHING)
            return
        if job.dead:
            error_text = f"{job.dead} of {job.total} {kind.units} failed"
            book.close(job_id, State.FAILED, summary=summary, error=error_text, only_from=State.FINISHING)
            return
        book.close(job_id, State.DONE, summary=summary, only_from=State.FINISHING)
    if book.state(job_id) is State.DONE:
        kind.tidy(request)


def _failed(
    book: Ledger, job: Job, unit: int, attempt: int, error: Exception, again: Again, seconds: float
) -> None:
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


def _follow(kind: Kind[Any], job_id: str, unit: int, completed: bool) -> None:
    if completed:
        publish_finish(job_id, kind.name)
    elif kind.sequential:
        publish_unit(job_id, kind.name, unit + 1)


def _catch_up(book: Ledger, job_id: str, unit: int, begun: Begun) -> None:
    """Send what a worker that died between recording and publishing still owed."""
    try:
        job = book.get(job_id)
    except JobError:
        return
    if begun.verdict is Verdict.DEAD:
        metrics.unit_ended(job.kind, "dead")
    if begun.completed:
        publish_finish(job_id, job.kind)
    elif KINDS[job.kind].sequential and not job.state.closed and unit == job.done - 1:
        publish_unit(job_id, job.kind, unit + 1)


def _context(book: Ledger, job_id: str) -> Context:
    """Return a unit's view of its job, which asks Redis twice a second at the most."""
    looked = shown = time.monotonic()

    def cancelled() -> bool:
        nonlocal looked
        if time.monotonic() - looked < _LOOK_SECONDS:
            return False
        looked = time.monotonic()
        return book.state(job_id) in (None, State.CANCELLED)

    def show(latest: dict[str, Any]) -> None:
        nonlocal shown
        if time.monotonic() - shown >= _LOOK_SECONDS:
            shown = time.monotonic()
            book.show_latest(job_id, latest)

    return Context(cancelled=cancelled, show=show)


def _describe(error: BaseException) -> str:
    return str(error) if isinstance(error, CapqError) else f"{type(error).__name__}: {error}"
