"""Units onto the queues, in bulk, by one process at a time."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from .app import app
from .jobs import Job
from .kinds import KINDS
from .ledger import Ledger

FINISH_TASK = "capq.job.finish"
_BATCH = 500


def unpublished(job: Job) -> bool:
    """Tell whether some of an open job's units have yet to be put on the queue."""
    wanted = 1 if KINDS[job.kind].sequential else job.total
    return not job.state.closed and job.published < wanted


def publish(ledger: Ledger, job_id: str) -> bool:
    """Publish the units of a job whose messages are not out yet.

    It takes up where a publisher that died left off; a unit whose message is sent twice runs once.

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
    finally:
        ledger.release_publishing(job_id)
    return True


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
    return count + job.total - job.published


def publish_unit(job_id: str, kind_name: str, unit: int) -> None:
    """Publish one unit: the next of a chain, or one to be tried again."""
    kind = KINDS[kind_name]
    app.send_task(kind.task, args=(job_id, unit), queue=kind.queue)


def publish_finish(job_id: str, kind_name: str) -> None:
    """Ask for a job's results to be put together; done twice, it happens once."""
    app.send_task(FINISH_TASK, args=(job_id,), queue=KINDS[kind_name].queue)


def _send(task: str, queue: str, job_id: str, units: Iterable[int]) -> None:
    """One pipeline for all: kombu's batch writes them in a single round trip."""
    with app.producer_pool.acquire(block=True) as producer, producer.batch(max_size=_BATCH):
        for unit in units:
            app.send_task(task, args=(job_id, unit), queue=queue, producer=producer)


def _batches(units: Iterable[int]) -> Iterator[list[int]]:
    iterator: Iterator[Any] = iter(units)
    while batch := list(itertools.islice(iterator, _BATCH)):
        yield batch
