"""A case: one job on a Redis and workers of its own, which a test disturbs and then audits."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.conftest import Capq, RedisServer, wait_until
from workers.ledger.job import Job
from workers.ledger.leases import output_lease, publisher_lease
from workers.ledger.ledger import Ledger
from workers.settings import Settings

from . import audit
from .audit import Reference
from .jobs import JOBS, FaultJob

_COUNTING_SECONDS = 10.0  # between a record and its figures, at most


def for_kinds(*kinds: str, quick: Sequence[str] = ()) -> pytest.MarkDecorator:
    """Make a case of each of these kinds of job, of all where none is named.

    Parameters
    ----------
    quick
        Those that the quick test suite runs as well.
    """
    cases = [pytest.param(kind, marks=() if kind in quick else pytest.mark.faults) for kind in kinds or JOBS]
    return pytest.mark.parametrize("kind", cases)


def elapse(seconds: float) -> None:
    """Let a fault last for so long."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, "the end of the fault", seconds + 10)


@dataclass
class Worker:
    """A worker: its parent process, and its pool.

    Attributes
    ----------
    temporary
        A folder for its temporary files alone, where its figures are found; None elsewhere.
    """

    process: subprocess.Popen[bytes]
    log: Path
    temporary: Path | None = None

    @property
    def figures(self) -> Path | None:
        """The folder in which its processes count; None when it is gone."""
        return next(iter(self.temporary.glob("capq-metrics-*")), None) if self.temporary else None

    @property
    def pool(self) -> list[int]:
        """The pool's processes, without the one that keeps track of semaphores."""
        children = [
            int(child)
            for path in Path(f"/proc/{self.process.pid}/task").glob("*/children")
            for child in path.read_text().split()
        ]
        return [child for child in children if b"_tracker import" not in _command_line(child)]

    def said(self, text: str) -> bool:
        """Tell whether a text stands in the worker's log."""
        return text in self.log.read_text()

    def signal(self, number: int) -> None:
        """Send a signal to all processes, as to a machine; the parent first, which reports no lost child."""
        for pid in (self.process.pid, *self.pool):
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(pid, number)

    def standing(self) -> list[int]:
        """Return the processes of the pool that stand still, as by SIGSTOP."""
        return [pid for pid in self.pool if stands_still(pid)]

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Have the worker stand still within the block."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def close(self) -> None:
        if self.process.poll() is None:
            pool = self.pool
            self.signal(signal.SIGKILL)
            self.process.wait()
            wait_until(lambda: not any(map(_runs, pool)), "the end of a worker")


@dataclass
class FaultCase:
    """A job, disturbed.

    Attributes
    ----------
    job
        Of which kind it is, and its command.
    capq
        The command line on the case's Redis, run in `folder`.
    folder
        Holds what the job makes, and nothing else.
    inputs
        The folder of the datasets that it reads, which no test writes to.
    reference
        Returns what an undisturbed run leaves.
    killed
        Pool processes that were killed.
    struck_at, seconds
        When the fault happened, of the monotonic clock; the time from there to the end.
    """

    job: FaultJob
    capq: Capq
    settings: Settings
    ledger: Ledger
    client: redis.Redis
    server: RedisServer
    folder: Path
    inputs: Path
    reference: Callable[[], Reference]
    workers: list[Worker] = field(default_factory=list)
    job_id: str = ""
    killed: int = 0
    struck_at: float = 0.0
    seconds: float = 0.0

    @property
    def record(self) -> Job:
        return self.ledger.get(self.job_id)

    def start_worker(self, processes: int = 0, **environment: str) -> Worker:
        """Start a worker for the job's queue, and go on; 0: two processes that render, or one that reads."""
        count = processes or (2 if self.job.queue == "cpu" else 1)
        temporary = self.folder.parent / f"worker-{len(self.workers)}"
        temporary.mkdir()
        log = temporary.with_suffix(".log")
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli", "worker", self.job.queue, "--processes", f"{count}"],
                env=self.capq.env | {"TMPDIR": str(temporary)} | environment,
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.workers.append(Worker(process, log, temporary))
        return self.workers[-1]

    def start(self, *, again: bool = False) -> None:
        """Start the job, and go on; `again`: the same command goes on from the files."""
        started = self.capq(*self.job.command(self.inputs, again=again), "--detach")
        self.job_id = started.stdout.strip()

    def begin(self) -> None:
        """Start the job, and return in its middle; its workers wait until the command has ended.

        Otherwise the job could be over before a command that takes long to end.
        """
        with contextlib.ExitStack() as stack:
            for worker in self.workers:
                stack.enter_context(worker.standing_still())
            self.start()
        self.wait_for_middle()

    def wait_for_middle(self) -> None:
        """Wait until a unit is done and another one is at work."""
        wait_until(self._in_the_middle, "the middle of the job")
        self.strike()

    def strike(self) -> None:
        """Note that the fault happens now."""
        self.struck_at = time.monotonic()

    def wait_until_standing(self, worker: Worker) -> None:
        """Wait until a process of a worker's pool has come to the point that its CAPQ_FAULT_POINT names."""
        wait_until(worker.standing, "the fault point")
        self.strike()

    def goes_on(self, worker: Worker) -> None:
        """Let a stopped worker go on when its job has ended, and check that it changes nothing."""
        before = self._times()
        worker.signal(signal.SIGCONT)
        self.wait_until_acknowledged()
        wait_until(lambda: not self._left_in_redis(), "the last lease and message")
        assert self._times() == before

    def wait_until_acknowledged(self) -> None:
        """Wait until every message that was taken is acknowledged; those of killed workers never are."""
        unacked = f"{self.settings.key_prefix}:unacked"
        wait_until(lambda: not self.client.exists(unacked), "the end of all that was at work")

    def leased(self) -> dict[int, str]:
        """Return who is at work on which unit."""
        units = list(range(max(self.record.total, self.record.done + 1)))
        owners = self.ledger.unit_owners(self.job_id, units)
        return {unit: owner for unit, owner in zip(units, owners, strict=True) if owner}

    def leased_by(self, worker: Worker) -> dict[int, str]:
        """Return which units a worker is at work on, with the owners of their leases."""
        name = f" {self.job.queue}-{worker.process.pid}-"  # as `workers.process.launch` names a worker
        return {unit: owner for unit, owner in self.leased().items() if name in owner}

    def given_to_others(self, owners: dict[int, str]) -> bool:
        """Tell whether each of these units has ended, or is leased to another process by now."""
        marks, now = self.ledger.marks(self.job_id), self.leased()
        return all(
            marks[unit : unit + 1] == "d" or now.get(unit, owner) != owner for unit, owner in owners.items()
        )

    def kill(self, worker: Worker) -> None:
        """Kill a worker with its pool, as by the loss of its machine."""
        pool = worker.pool
        assert pool
        self.killed += len(pool)
        worker.close()

    def kill_pool(self, worker: Worker) -> None:
        """Kill the processes of a worker's pool; the parent lives."""
        pool = worker.pool
        assert pool
        for pid in pool:
            os.kill(pid, signal.SIGKILL)
            self.killed += 1

    def wait_for_end(self) -> Job:
        """Wait for the job's end, and return its record."""
        wait_until(lambda: self.record.state.closed, f"the end of {self.job_id}")
        if self.struck_at:
            self.seconds = self.seconds or time.monotonic() - self.struck_at
        return self.record

    def wait_until_tidy(self) -> Job:
        """Wait for the job's end, and until nobody does anything for it any more; return its record."""
        record = self.wait_for_end()
        wait_until(lambda: not self._left_in_redis(), f"the last lease and message of {self.job_id}")
        return record

    def ends_whole(self, *, metrics: bool = True) -> None:
        """Wait for the job's end, and audit what it left against an undisturbed run.

        Parameters
        ----------
        metrics
            Whether the workers' figures are those of this job: not after a Redis that lost the job.
        """
        record = self.wait_until_tidy()
        audit.audit_record(self.job, record)
        audit.audit_results(self.job, record, self.folder, self.inputs)
        assert set(self.ledger.marks(self.job_id)) == {"d"}
        assert not self.ledger.errors(self.job_id)
        if metrics:
            self._audit_metrics(record)
        audit.audit_same(record, self.folder, self.reference())

    def close(self) -> None:
        for worker in self.workers:
            worker.close()

    def _times(self) -> dict[Path, int]:
        """Return when each finished file of the job was last written."""
        paths = (path for path in self.folder.rglob("*") if path.is_file() and path.suffix != ".tmp")
        return {path: path.stat().st_mtime_ns for path in paths}

    def _in_the_middle(self) -> bool:
        record = self.record
        assert not record.state.closed, f"{record.state} before it was disturbed: {record.error}"
        return record.done >= 1 and bool(self.leased())

    def _left_in_redis(self) -> list[Any]:
        """Return the job's leases, and the messages that wait."""
        prefix = self.settings.key_prefix
        out = output_lease(str(self.record.request.get("out")))
        leases = [
            name
            for name in self.client.zrange(f"{prefix}:leases", 0, -1)
            if name.startswith(f"unit:{self.job_id}:") or name in (publisher_lease(self.job_id), out)
        ]
        return leases + list(self.client.lrange(f"{prefix}:{self.job.queue}", 0, -1))

    def _audit_metrics(self, record: Job) -> None:
        """Compare the workers' figures with the ledger; a worker counts right after it has recorded."""
        end = time.monotonic() + _COUNTING_SECONDS
        while (difference := self._metrics_difference(record)) and time.monotonic() < end:
            time.sleep(0.05)
        assert not difference

    def _metrics_difference(self, record: Job) -> str:
        folders = [worker.figures for worker in self.workers]
        counts = [audit.counted(self.job, folder) for folder in folders if folder]
        units, images = (sum(numbers) for numbers in zip(*counts, strict=True)) if counts else (0, 0)
        # Each process that was killed may have died between its record and its figures; a worker that
        # has ended by itself has taken its figures with it.
        return audit.metrics_difference(record, units, images, self.killed if all(folders) else record.done)


def stands_still(pid: int) -> bool:
    """Tell whether a process stands still, as by SIGSTOP."""
    return _state(pid) == "T"


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _runs(pid: int) -> bool:
    return _state(pid) not in ("", "Z")
