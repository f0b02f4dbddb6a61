"""What goes on in one deployment at one time, as `capq top` shows it and prints it for scripts."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from workers.app import QUEUES
from workers.kinds import KINDS
from workers.ledger.job import Job
from workers.ledger.ledger import Ledger, RunningUnit
from workers.ledger.snapshot import Snapshot, SnapshotReader
from workers.ledger.worker_registry import LiveWorker
from workers.settings import Settings

from ..job.progress import done_so_far, seconds_left


@dataclass(frozen=True)
class Queue:
    """A queue, and who takes from it.

    Attributes
    ----------
    waiting
        Messages on it.
    oldest_seconds
        Since when the oldest of them waits; 0 where none does.
    workers, processes
        Live workers, and the processes of their pools.
    """

    queue: str
    waiting: int
    oldest_seconds: float
    workers: int
    processes: int


@dataclass(frozen=True)
class Worker:
    """A live worker.

    Attributes
    ----------
    worker
        Its name, such as ``cpu-1``.
    units
        What its processes are at work on: ``solve-3f9a1c22aa batch 7``.
    model
        The network that it has loaded, empty for none.
    """

    worker: str
    queue: str
    host: str
    processes: int
    units: list[str]
    model: str


@dataclass(frozen=True)
class OpenJob:
    """A job that has not ended.

    Attributes
    ----------
    fraction
        The share of its work that is done, 0 … 1; None where it is unknown.
    seconds_left
        As far as its own pace tells; None where it does not yet.
    images
        That its ended units have been through.
    running
        Number of its units that are at work.
    progress
        Units, images, rate and newest figures in one line.
    """

    job: str
    kind: str
    state: str
    fraction: float | None
    seconds_left: float | None
    images: int
    running: int
    progress: str


@dataclass(frozen=True)
class Overview:
    """What goes on at one time.

    Attributes
    ----------
    time
        Seconds since the epoch.
    redis
        ``round_trip_seconds``, ``memory_used`` and ``memory_max`` in bytes, 0 for no limit.
    images
        Images rendered, trained on, read and evaluated by all jobs there ever were, by kind; those of
        units at work count where these tell.
    """

    time: float
    redis: dict[str, float]
    queues: list[Queue]
    workers: list[Worker]
    images: dict[str, int]
    jobs: list[OpenJob]


class OverviewReader:
    """Reads overviews from a ledger."""

    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        self._ledger = ledger
        self._snapshots = SnapshotReader(settings, QUEUES)

    def read(self) -> Overview:
        """Read an overview.

        Raises
        ------
        redis.RedisError
            When Redis does not answer.
        """
        snapshot, jobs, running = self._snapshots.read(), self._ledger.active(), self._ledger.running_units()
        models = self._ledger.held_models([worker.node for worker in snapshot.workers])
        return Overview(
            time=time.time(),
            redis={
                "round_trip_seconds": snapshot.round_trip_seconds,
                "memory_used": snapshot.memory_used,
                "memory_max": snapshot.memory_max,
            },
            queues=[_queue(name, snapshot) for name in QUEUES],
            workers=[_worker(worker, running, models.get(worker.node, "")) for worker in snapshot.workers],
            images={kind: _images(kind, snapshot, jobs) for kind in KINDS},
            jobs=[_open_job(job, running) for job in sorted(jobs, key=lambda job: job.created)],
        )


def _queue(name: str, snapshot: Snapshot) -> Queue:
    figures = snapshot.queues[name]
    processes = [worker.processes for worker in snapshot.workers if worker.queue == name]
    return Queue(name, figures.length, figures.oldest_seconds, len(processes), sum(processes))


def _worker(worker: LiveWorker, running: Sequence[RunningUnit], model: str) -> Worker:
    units = [
        f"{unit.job} {KINDS[unit.kind].unit} {unit.unit}" for unit in running if unit.node == worker.node
    ]
    return Worker(worker.name, worker.queue, worker.host, worker.processes, units, model)


def _images(kind: str, snapshot: Snapshot, jobs: Sequence[Job]) -> int:
    recorded = snapshot.total("count", kind, "images") - snapshot.total("count", kind, "kept")
    return recorded + sum(KINDS[kind].images_at_work(job) for job in jobs if job.kind == kind)


def _open_job(job: Job, running: Sequence[RunningUnit]) -> OpenJob:
    return OpenJob(
        job=job.id,
        kind=job.kind,
        state=job.state.value,
        fraction=KINDS[job.kind].fraction(job),
        seconds_left=seconds_left(job),
        images=job.counts.get("images", 0),
        running=sum(unit.job == job.id for unit in running),
        progress=done_so_far(job),
    )
