"""How a unit runs: ask the ledger, do the work, record it, and publish what follows."""

import logging
import time
from collections.abc import Callable
from typing import Any

import redis

from captcha_core.errors import CapqError

from ..errors import JobCancelledError, UnknownJobError
from ..kinds import KINDS, Kind
from ..kinds.base import Context, Outcome
from ..ledger.job import Job, State
from ..ledger.ledger import BeginResult, Ledger, Verdict, process_ledger
from ..process import metrics
from ..settings import settings
from .publishing import publish_finish, publish_unit

log = logging.getLogger(__name__)

Retry = Callable[[Exception, int], Exception]
"""Given an error and the attempt's number, returns what to raise for Celery to try again."""

_POLL_SECONDS = 0.5


def run_unit(job_id: str, unit: int, retry: Retry) -> None:
    """Run one unit of a job, if it still needs to run.

    Effects happen once however often the message is delivered: the unit's files are a pure
    function of its job and number, and the ledger keeps the first record only.
    """
    ledger = process_ledger()
    begin = ledger.begin(job_id, unit, settings().max_attempts)
    if begin.verdict is Verdict.RUN:
        _run(ledger, ledger.get(job_id), unit, begin.attempt, retry)
    else:
        log.info("%s unit %d: not run, %s", job_id, unit, begin.verdict)
        _publish_owed(ledger, job_id, unit, begin)


def finish_job(job_id: str) -> None:
    """Put a job's results together and close it."""
    ledger = process_ledger()
    job = ledger.get(job_id)
    kind = KINDS[job.kind]
    request = kind.request_type.model_validate(job.request)
    if job.state is State.FINISHING:
        _finish(ledger, kind, request, job)
    if ledger.state(job_id) is State.DONE:
        kind.tidy(request)


def _run(ledger: Ledger, job: Job, unit: int, attempt: int, retry: Retry) -> None:
    kind = KINDS[job.kind]
    metrics.images_counter(kind.counted_as)
    started = time.monotonic()
    try:
        request = kind.request_type.model_validate(job.request)
        outcome = kind.run(request, job, unit, _context(ledger, job.id))
    except JobCancelledError:
        metrics.unit_ended(job.kind, "cancelled", time.monotonic() - started)
    except redis.RedisError:
        raise  # nothing can be recorded now: Celery delivers the message again
    except Exception as error:  # noqa: BLE001 (whatever a unit raises becomes its record)
        _fail(ledger, job, unit, attempt, error, retry, time.monotonic() - started)
    else:
        _record(ledger, kind, job, unit, outcome, time.monotonic() - started)


def _record(ledger: Ledger, kind: Kind[Any], job: Job, unit: int, outcome: Outcome, seconds: float) -> None:
    recorded = ledger.record(
        job.id, unit, counts=outcome.counts, latest=outcome.latest, part=outcome.part, total=outcome.total
    )
    if recorded.first:
        metrics.unit_ended(job.kind, "done", seconds)
        metrics.count_images(kind.counted_as, outcome.counts)
    if recorded.completed:
        publish_finish(job.id, job.kind)
    elif kind.sequential:
        publish_unit(job.id, job.kind, unit + 1)


def _fail(
    ledger: Ledger, job: Job, unit: int, attempt: int, error: Exception, retry: Retry, seconds: float
) -> None:
    """Have a unit tried again, or record it as dead."""
    log.warning("%s unit %d, attempt %d failed", job.id, unit, attempt, exc_info=error)
    text, cause = _describe(error), _cause(error)
    if attempt < settings().max_attempts and _may_pass(error):
        ledger.note_error(job.id, unit, text, cause)
        metrics.unit_ended(job.kind, "retried", seconds)
        raise retry(error, attempt)
    recorded = ledger.record(job.id, unit, error=text, cause=cause)
    if recorded.first:
        metrics.unit_ended(job.kind, "dead", seconds)
    if recorded.completed:
        publish_finish(job.id, job.kind)


def _may_pass(error: Exception) -> bool:
    """Tell whether another attempt may succeed: not after an error that names a lasting cause."""
    return not isinstance(error, CapqError) or error.retryable


def _finish(ledger: Ledger, kind: Kind[Any], request: Any, job: Job) -> None:
    try:
        summary = kind.finish(request, job, ledger)
    except redis.RedisError:
        raise
    except Exception as error:
        log.exception("%s: its results could not be put together", job.id)
        ledger.close(job.id, State.FAILED, error=_describe(error), only_from=State.FINISHING)
        return
    state, error_text = State.DONE, ""
    if job.dead:
        state, error_text = State.FAILED, f"{job.dead} of {job.total} {kind.units} failed"
    ledger.close(job.id, state, summary=summary, error=error_text, only_from=State.FINISHING)


def _publish_owed(ledger: Ledger, job_id: str, unit: int, begin: BeginResult) -> None:
    """Publish what a worker that died between recording a unit and publishing the next still owed."""
    try:
        job = ledger.get(job_id)
    except UnknownJobError:
        return
    if begin.verdict is Verdict.DEAD:
        metrics.unit_ended(job.kind, "dead")
    if begin.completed:
        publish_finish(job_id, job.kind)
    elif KINDS[job.kind].sequential and not job.state.closed and unit == job.done - 1:
        publish_unit(job_id, job.kind, unit + 1)


def _context(ledger: Ledger, job_id: str) -> Context:
    """Return a unit's view of its job, which uses Redis twice a second at the most."""
    polled_at = shown_at = time.monotonic()

    def cancelled() -> bool:
        nonlocal polled_at
        if time.monotonic() - polled_at < _POLL_SECONDS:
            return False
        polled_at = time.monotonic()
        return ledger.state(job_id) in (None, State.CANCELLED)

    def show(latest: dict[str, Any]) -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at >= _POLL_SECONDS:
            shown_at = time.monotonic()
            ledger.show_latest(job_id, latest)

    return Context(cancelled=cancelled, show=show)


def _describe(error: BaseException) -> str:
    return str(error) if isinstance(error, CapqError) else f"{type(error).__name__}: {error}"


def _cause(error: Exception) -> str:
    return type(error).__name__ if isinstance(error, CapqError) else ""
