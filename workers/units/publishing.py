"""Units onto the queues, in bulk, by one process at a time."""

import itertools
import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import kombu.exceptions
import redis

from ..app import app
from ..errors import LeaseLostError
from ..kinds import KINDS, Kind
from ..ledger.connection import COMMAND_PATIENCE, patiently
from ..ledger.job import Job, State
from ..ledger.leases import FINISH, Lease
from ..ledger.ledger import PUBLISH_BATCH, Ledger
from ..ledger.snapshot import SENT
from ..process import tracing
from ..process.fault_points import stand_still_at

log = logging.getLogger(__name__)

FINISH_TASK = "capq.job.finish"
STOPPED_LISTING = "stopped while its images were being listed"
_CLOSED_CHANNEL = (
    AttributeError,
    RuntimeError,
)  # of kombu, where it keeps a channel that an error has closed
_HARD_SECONDS = 60  # from the error that a unit over its time gets to the end of its process


def unpublished(job: Job) -> bool:
    """Tell whether messages of an open job have yet to be put on the queue."""
    due = 1 if KINDS[job.kind].sequential else job.total
    return not job.state.closed and job.published < due


def being_listed(job: Job) -> bool:
    """Tell whether the number of an open job's units is unknown because they are still being listed."""
    return not job.state.closed and job.total < 0 and not KINDS[job.kind].sequential


def publish(ledger: Ledger, job_id: str) -> bool:
    """Publish the units of a job whose messages are not out yet.

    It continues where a publisher that died left off; a unit whose message is sent twice runs once.

    Returns
    -------
    False when another process is publishing this job.
    """
    publisher = ledger.hold_publishing(job_id)
    if publisher is None:
        return False
    with publisher:
        job = ledger.get(job_id)
        end = 1 if KINDS[job.kind].sequential else job.total
        for units in _batches(range(job.published, end)):
            _send_units(job, units)
            stand_still_at("after-send")
            if ledger.advance_published(job_id, publisher.owner, units[-1] + 1) is None:
                return False
    return True


def publish_listed(
    ledger: Ledger, job_id: str, units: Iterable[int], publisher: Lease
) -> Generator[None, None, None]:
    """Publish a job's units while they are being listed, and set their number at the end.

    The caller advances this generator: each step publishes one unit. Left before its end, by Ctrl-C
    or an error of the listing, it closes the job; the files show a later job what is left to do.

    Parameters
    ----------
    units
        0, 1, 2 …, each when it can be run.
    publisher
        The caller's lease on the publication, which ends with the generator.

    Raises
    ------
    LeaseLostError
        When another process has taken over the publication.
    """
    job = ledger.get(job_id)
    count = 0
    with publisher:
        try:
            for unit in units:
                count = unit + 1
                if count > job.published:
                    _send_units(job, [unit])
                    stand_still_at("after-send")
                    state = ledger.advance_published(job_id, publisher.owner, count)
                    if state is None:
                        publisher.check()
                    if state is None or state.closed:
                        return
                yield
            send_owed(ledger, job, ledger.fix_total(job_id, publisher.owner, count))
        except (redis.RedisError, LeaseLostError):
            raise  # nothing can be recorded now, or by this process
        except Exception as error:
            ledger.close(job_id, State.FAILED, error=str(error), publisher=publisher.owner)
            raise
        except BaseException:  # Ctrl-C, or the generator was closed
            ledger.close(job_id, State.CANCELLED, error=STOPPED_LISTING, publisher=publisher.owner)
            raise


def publish_again(ledger: Ledger, job_id: str) -> int:
    """Open a job again and publish its units that have not ended well; returns how many wait.

    Those of a job whose listing was cut short are known in part: `Kind.listing` yields the rest.
    """
    before = ledger.get(job_id)
    dead = set(_units_marked(ledger.marks(job_id), "x"))
    owed = ledger.reopen(job_id)
    job = ledger.get(job_id)
    send_owed(ledger, job, owed)
    if KINDS[job.kind].sequential or owed:
        return int(owed != FINISH)
    # The messages of an open job's other units are on their way.
    waiting = publish_waiting(ledger, job) if before.state.closed else publish_units(job, sorted(dead))
    publish(ledger, job_id)
    return waiting + max(0, job.total - job.published)


def publish_waiting(ledger: Ledger, job: Job) -> int:
    """Publish once more the units that were published and have not ended, unless a worker has them."""
    return publish_units(job, waiting_units(ledger, job))


def waiting_units(ledger: Ledger, job: Job) -> list[int]:
    """Return the units that were published, have not ended and are leased to nobody."""
    if KINDS[job.kind].sequential:
        candidates = [job.done] if job.published else []
    else:
        marks = ledger.marks(job.id).replace("\0", ".").ljust(job.published, ".")
        candidates = [unit for unit in range(job.published) if marks[unit] not in "dx"]
    return [
        unit
        for units in _batches(candidates)
        for unit, owner in zip(units, ledger.unit_owners(job.id, units), strict=True)
        if owner is None
    ]


def publish_units(job: Job, units: Iterable[int]) -> int:
    """Publish some units; returns how many."""
    count = 0
    for batch in _batches(units):
        _send_units(job, batch)
        count += len(batch)
    return count


def send_owed(ledger: Ledger, job: Job, unit: int | str) -> None:
    """Send the message that a step of the ledger owes, if any: a unit's, or the job's finish.

    Only then is it noted as sent, so that somebody else sends it when this process dies in between,
    or cannot.
    """
    if unit == "":
        return
    try:
        _send_finish(job) if unit == FINISH else _send_units(job, [int(unit)])
        ledger.note_sent(job.id, unit)
    except redis.RedisError as error:
        log.warning("%s: the message for %s is sent later (%s)", job.id, unit, error)


def _send_finish(job: Job) -> None:
    """Ask for a job's results to be put together; asked for twice, it happens once."""
    kind, request = _kind_and_request(job)
    options = _options(kind.finish_limit(request, job))

    def send() -> None:
        with _producer() as producer:
            app.send_task(FINISH_TASK, args=(job.id,), queue=kind.queue, producer=producer, **options)

    _patiently(send)


def _send_units(job: Job, units: Iterable[int]) -> None:
    """Send the units' messages in one round trip: kombu's batch is one Redis pipeline."""
    kind, request = _kind_and_request(job)

    def send() -> None:
        options = _options(kind.time_limit(request))
        with _producer() as producer, producer.batch(max_size=PUBLISH_BATCH):
            for unit in units:
                app.send_task(kind.task, args=(job.id, unit), queue=kind.queue, producer=producer, **options)

    with tracing.span("publish", {"job": job.id, "kind": kind.name}):
        _patiently(send)


@contextmanager
def _producer() -> Iterator[Any]:
    """Yield what sends messages; after an error, the next one has a new connection and channel."""
    with app.producer_pool.acquire(block=True) as producer:
        try:
            yield producer
        except Exception:
            producer.connection.collect()
            raise


def _kind_and_request(job: Job) -> tuple[Kind[Any], Any]:
    kind = KINDS[job.kind]
    return kind, kind.request_type.model_validate(job.request)


def _options(seconds: float) -> dict[str, Any]:
    """Return a message's time limits, and the header by which the age of what waits is known."""
    return {
        "soft_time_limit": seconds,
        "time_limit": seconds + _HARD_SECONDS,
        "headers": {SENT: time.time()} | tracing.headers(),
    }


def _patiently(send: Callable[[], object]) -> None:
    """Send messages, again after a loss of the connection: those that were sent before change nothing."""

    def attempt() -> None:
        with _redis_errors():
            send()

    patiently(attempt, COMMAND_PATIENCE)


@contextmanager
def _redis_errors() -> Iterator[None]:
    """Raise what kombu makes of an error of Redis or of the connection as that error."""
    try:
        yield
    except kombu.exceptions.KombuError as error:
        cause = error.__cause__
        raise cause if isinstance(cause, redis.RedisError) else redis.ConnectionError(str(error)) from error
    except (OSError, *_CLOSED_CHANNEL) as error:
        raise redis.ConnectionError(str(error)) from error


def _units_marked(marks: str, mark: str) -> Iterator[int]:
    return (unit for unit, present in enumerate(marks) if present == mark)


def _batches(units: Iterable[int]) -> Iterator[list[int]]:
    remaining = iter(units)
    while batch := list(itertools.islice(remaining, PUBLISH_BATCH)):
        yield batch
