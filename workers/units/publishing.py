"""Units onto the queues, in bulk, by one process at a time."""

import itertools
from collections.abc import Generator, Iterable, Iterator

import redis

from ..app import app
from ..kinds import KINDS
from ..ledger.job import Job, State
from ..ledger.ledger import Ledger

FINISH_TASK = "capq.job.finish"
_BATCH = 500


def unpublished(job: Job) -> bool:
    """Tell whether messages of an open job have yet to be put on the queue."""
    due = 1 if KINDS[job.kind].sequential else job.total
    return not job.state.closed and (job.published < due or job.owes_finish)


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
    job = ledger.get(job_id)
    kind = KINDS[job.kind]
    if not ledger.take_publishing(job_id):
        return False
    try:
        end = 1 if kind.sequential else job.total
        for units in _batches(range(job.published, end)):
            _send(kind.task, kind.queue, job_id, units)
            ledger.advance_published(job_id, units[-1] + 1)
        if job.owes_finish:
            _send_owed_finish(ledger, job)
    finally:
        ledger.release_publishing(job_id)
    return True


def publish_listed(ledger: Ledger, job_id: str, units: Iterable[int]) -> Generator[None, None, None]:
    """Publish a job's units while they are being listed, and set their number at the end.

    The caller has taken the right to publish the job, and advances this generator: each step
    publishes one unit. Left before its end, by Ctrl-C or an error of the listing, it closes the
    job; the files show a later job what is left to do.

    Parameters
    ----------
    units
        0, 1, 2 …, each when it can be run.
    """
    job = ledger.get(job_id)
    kind = KINDS[job.kind]
    count = 0
    try:
        for unit in units:
            count = unit + 1
            if count > job.published:
                _send(kind.task, kind.queue, job_id, [unit])
                state = ledger.advance_published(job_id, count)
                if state is None or state.closed:
                    return
            yield
        if ledger.fix_total(job_id, count):
            _send_owed_finish(ledger, job)
    except redis.RedisError:
        raise  # nothing can be recorded now
    except Exception as error:
        ledger.close(job_id, State.FAILED, error=str(error))
        raise
    except BaseException:  # Ctrl-C, or the generator was closed
        ledger.close(job_id, State.CANCELLED, error="stopped while its images were being listed")
        raise
    finally:
        ledger.release_publishing(job_id)


def publish_again(ledger: Ledger, job_id: str) -> int:
    """Publish the units of a reopened job that wait without having ended; returns how many."""
    job = ledger.get(job_id)
    kind = KINDS[job.kind]
    if kind.sequential:
        publish_unit(job_id, job.kind, job.done)
        return 1
    marks = ledger.marks(job_id).ljust(job.published, ".")
    waiting = (unit for unit, mark in enumerate(marks[: job.published]) if mark not in "dr")
    count = 0
    for units in _batches(waiting):
        _send(kind.task, kind.queue, job_id, units)
        count += len(units)
    publish(ledger, job_id)
    return count + max(0, job.total - job.published)


def publish_unit(job_id: str, kind_name: str, unit: int) -> None:
    """Publish one unit: the next of a chain, or one to be tried again."""
    kind = KINDS[kind_name]
    app.send_task(kind.task, args=(job_id, unit), queue=kind.queue)


def publish_finish(job_id: str, kind_name: str) -> None:
    """Ask for a job's results to be put together; asked for twice, it happens once."""
    app.send_task(FINISH_TASK, args=(job_id,), queue=KINDS[kind_name].queue)


def _send_owed_finish(ledger: Ledger, job: Job) -> None:
    """Publish the finish and only then note it, so that a publisher that dies in between leaves it owed."""
    publish_finish(job.id, job.kind)
    ledger.finish_sent(job.id)


def _send(task: str, queue: str, job_id: str, units: Iterable[int]) -> None:
    """Send the units' messages in one round trip: kombu's batch is one Redis pipeline."""
    with app.producer_pool.acquire(block=True) as producer, producer.batch(max_size=_BATCH):
        for unit in units:
            app.send_task(task, args=(job_id, unit), queue=queue, producer=producer)


def _batches(units: Iterable[int]) -> Iterator[list[int]]:
    remaining = iter(units)
    while batch := list(itertools.islice(remaining, _BATCH)):
        yield batch
