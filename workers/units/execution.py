"""How a unit runs: lease it, do the work, record it, and send what follows."""

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from billiard.exceptions import SoftTimeLimitExceeded

from captcha_core.errors import CapqError

from ..errors import JobCancelledError, LeaseLostError, UnknownJobError
from ..kinds import KINDS, Kind
from ..kinds.base import Context, Outcome
from ..ledger.connection import patiently
from ..ledger.job import Job, State
from ..ledger.leases import FINISH, Lease, unit_lease
from ..ledger.ledger import BeginResult, Ledger, Verdict, process_ledger
from ..process import logs, metrics, tracing
from ..process.fault_points import stand_still_at
from ..settings import settings
from .publishing import send_owed
from .retries import RetryPolicy

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Work:
    """A unit of a job, or the job's finish, that this process has the lease on.

    Attributes
    ----------
    unit
        The unit's number, or `FINISH`.
    attempt
        Which try this is, from 1.
    started_at
        Of the monotonic clock.
    warnings
        Texts of what has been warned of so far, for the job's log.
    """

    ledger: Ledger
    job: Job
    unit: int | str
    lease: Lease
    attempt: int
    started_at: float
    warnings: list[str]

    @property
    def kind(self) -> Kind[Any]:
        return KINDS[self.job.kind]

    @property
    def owner(self) -> str:
        return self.lease.owner

    @property
    def request(self) -> Any:
        return self.kind.request_type.model_validate(self.job.request)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started_at


def run_unit(kind: str, job_id: str, unit: int, message_owner: str) -> None:
    """Run one unit of a job, if it still needs to run and nobody is at work on it.

    Effects happen once however often the message is delivered: the unit's files are a pure
    function of its job and number, and only the owner of the unit's lease records it.
    """
    problem = _prepare(kind)
    _lease_and(lambda work: _run(work, problem), job_id, unit, message_owner)


def _prepare(kind: str) -> Exception | None:
    """Import what a unit needs, and return why that fails: it is the unit's fault, once it is leased."""
    try:
        KINDS[kind].prepare()
    except Exception as error:  # noqa: BLE001 (a damaged package may raise anything)
        return error
    return None


def finish_job(job_id: str, message_owner: str) -> None:
    """Put a job's results together and close it."""
    _lease_and(_finish, job_id, FINISH, message_owner)


def _lease_and(do: Callable[[Work], None], job_id: str, unit: int | str, message_owner: str) -> None:
    """Do what a message asks for, with a lease on it that is renewed all the while."""
    ledger, owner = process_ledger(), message_owner + secrets.token_hex(4)

    def begin() -> tuple[float, BeginResult]:
        started_at = time.monotonic()
        if isinstance(unit, int):
            return started_at, ledger.begin(job_id, unit, owner)
        return started_at, ledger.begin_finish(job_id, owner)

    stand_still_at("before-lease")
    started_at, begun = patiently(begin)
    if begun.verdict is not Verdict.RUN:
        fields = {"job": job_id, "unit": unit, "outcome": begun.verdict.value}
        log.info("%s %s: not run, %s", job_id, unit, begun.verdict, extra={logs.FIELDS: fields})
        metrics.message_dropped(begun.verdict.value)
        return
    lease = Lease(ledger.leases, unit_lease(job_id, unit), owner, started_at)
    tracing.annotate({"job": job_id, "unit": unit, "attempt": begun.attempt})
    with logs.about(logs.LogUnit(job_id, unit, begun.attempt)) as warnings:
        try:
            job = patiently(lambda: ledger.get(job_id))
            do(Work(ledger, job, unit, lease, begun.attempt, started_at, warnings))
        except (LeaseLostError, UnknownJobError) as error:
            log.warning("%s %s: given up, %s", job_id, unit, error)
            metrics.lease_lost(job_id.rpartition("-")[0])
        finally:
            lease.stop()


def _run(work: Work, problem: Exception | None = None) -> None:
    kind = work.kind
    metrics.images_expected(kind.counted_as)
    if problem:
        _fail(work, problem)
        return
    try:
        outcome = kind.run(work.request, work.job, int(work.unit), _context(work))
        stand_still_at("after-write")
        work.lease.check()
    except JobCancelledError:
        _leave(work)
    except LeaseLostError:
        raise
    except Exception as error:  # noqa: BLE001 (whatever a unit raises becomes its record)
        _fail(work, error)
    else:
        _record(work, outcome)


def _record(work: Work, outcome: Outcome) -> None:
    _note_warnings(work)
    recorded = patiently(
        lambda: work.ledger.record(
            work.job.id,
            int(work.unit),
            work.owner,
            counts=outcome.counts,
            latest=outcome.latest,
            part=outcome.part,
            total=outcome.total,
        )
    )
    stand_still_at("after-record")
    send_owed(work.ledger, work.job, recorded.next_unit)
    if recorded.first:
        _log_end(work, "done", outcome.counts)
        metrics.unit_ended(work.kind.name, "done", work.seconds)
        metrics.count_images(work.kind.name, work.kind.counted_as, outcome.counts)
        metrics.batch_read(outcome.stage_seconds, outcome.faults)
    stand_still_at("before-acknowledge")


def _leave(work: Work) -> None:
    owed = patiently(lambda: work.ledger.leave(work.job.id, int(work.unit), work.owner))
    send_owed(work.ledger, work.job, owed)
    _log_end(work, "cancelled")
    metrics.unit_ended(work.kind.name, "cancelled", work.seconds)


def _note_warnings(work: Work) -> None:
    if work.warnings:
        arguments = (work.job.id, work.unit, work.owner, work.attempt, work.warnings)
        patiently(lambda: work.ledger.note_warnings(*arguments))


def _log_end(work: Work, outcome: str, counts: dict[str, int] | None = None) -> None:
    """Log the line of a unit, or of a job's finish; one that failed has the line of its error."""
    figures = [f"{number} {name}" for name, number in (counts or {}).items()]
    text = ", ".join([f"{outcome} in {work.seconds:.3g} s", *figures])
    fields = _log_fields(work, outcome) | (counts or {})
    log.info("%s %s: %s", work.job.id, work.unit, text, extra={logs.FIELDS: fields})
    tracing.annotate(fields)


def _log_fields(work: Work, outcome: str) -> dict[str, Any]:
    return {"kind": work.kind.name, "outcome": outcome, "seconds": round(work.seconds, 3)}


def _fail(work: Work, error: Exception) -> None:
    """Have a unit tried again, or record it as dead."""
    message = "%s %s, attempt %d failed"
    fields = {logs.FIELDS: _log_fields(work, "failed")}
    log.warning(message, work.job.id, work.unit, work.attempt, exc_info=error, extra=fields)
    tracing.annotate(fields[logs.FIELDS], error)
    _note_warnings(work)
    metrics.unit_failed(work.kind.name, _cause(error))
    if _delayed(work, error):
        metrics.unit_ended(work.kind.name, "retried", work.seconds)
        return
    recorded = patiently(
        lambda: work.ledger.record_dead(
            work.job.id, int(work.unit), work.owner, _describe(error), _cause(error), work.seconds
        )
    )
    send_owed(work.ledger, work.job, recorded.next_unit)
    if recorded.first:
        metrics.unit_ended(work.kind.name, "dead", work.seconds)


def _delayed(work: Work, error: Exception) -> bool:
    """Have what failed tried again later, where the policy has it; False when this was the last attempt."""
    policy = RetryPolicy.from_settings(settings())
    if not policy.allows(error, work.attempt):
        return False
    wait = policy.wait(work.attempt)
    arguments = (work.job.id, work.unit, work.owner, wait, _describe(error), _cause(error), work.seconds)
    patiently(lambda: work.ledger.delay(*arguments))
    return True


def _finish(work: Work) -> None:
    state: State | None = work.job.state
    if state is State.FINISHING:
        state = _put_together(work)
    stand_still_at("after-close")
    if state is State.DONE:
        work.kind.tidy(work.request)
    if state:
        patiently(work.lease.release)


def _put_together(work: Work) -> State | None:
    """Put a job's results together and close it; returns its last state, None when it is tried again."""
    job, kind = work.job, work.kind
    try:
        summary = kind.finish(work.request, job, work.ledger, _context(work))
        stand_still_at("after-finish")
        work.lease.check()
    except LeaseLostError:
        raise
    except Exception as error:
        log.exception("%s: its results could not be put together", job.id)
        if _delayed(work, error):
            return None
        return _close(work, State.FAILED, error=_describe(error))
    failed = f"{job.dead} of {job.total} {kind.units} failed" if job.dead else ""
    return _close(work, State.FAILED if failed else State.DONE, summary=summary, error=failed)


def _close(work: Work, state: State, *, error: str, summary: dict[str, Any] | None = None) -> State | None:
    """Close the job; returns the state it has then: another one when it was cancelled before."""
    ledger, job_id = work.ledger, work.job.id
    closed = patiently(lambda: ledger.close(job_id, state, summary=summary, error=error, finisher=work.owner))
    if closed:
        _log_end(work, state.value)
    return state if closed else patiently(lambda: ledger.state(job_id))


def _context(work: Work) -> Context:
    """Return a unit's view of its job, which uses Redis twice a second at the most."""
    polled_at = shown_at = time.monotonic()
    ledger, job_id = work.ledger, work.job.id

    def cancelled() -> bool:
        nonlocal polled_at
        if time.monotonic() - polled_at < _POLL_SECONDS:
            return False
        polled_at = time.monotonic()
        try:
            return ledger.state(job_id) in (None, State.CANCELLED)
        except redis.RedisError:
            return False  # the work goes on while Redis is away

    def show(latest: dict[str, Any]) -> None:
        nonlocal shown_at
        if isinstance(work.unit, int) and time.monotonic() - shown_at >= _POLL_SECONDS:
            shown_at = time.monotonic()
            try:
                ledger.show_latest(job_id, work.unit, work.owner, latest)
            except redis.RedisError:
                log.warning("%s: its newest figures could not be shown", job_id)

    return Context(cancelled=cancelled, show=show, check_lease=work.lease.check)


def _describe(error: BaseException) -> str:
    if isinstance(error, SoftTimeLimitExceeded):
        return "it took longer than its time limit"
    return logs.redacted(str(error) if isinstance(error, CapqError) else f"{type(error).__name__}: {error}")


def _cause(error: Exception) -> str:
    return type(error).__name__ if isinstance(error, CapqError) else ""
