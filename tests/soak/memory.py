"""The memory of each process that lives to the end, and of Redis, from time to time."""

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

import redis

from .cluster import Cluster, is_tracker

_SECONDS = 10.0
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MEGABYTE = 1 << 20


class Sample(NamedTuple):
    """Megabytes of one process at one moment; `pid` tells when another one has taken its place."""

    seconds: float
    pid: int
    megabytes: float


class Memory:
    """Notes the memory of the spared workers, their pool processes and Redis until it is stopped."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._ended = threading.Event()
        self._started_at = time.monotonic()
        self._samples: dict[str, list[Sample]] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        self._look()

    def table(self) -> str:
        """Return the figures at the start, after the first tenth, in the middle and at the end."""
        lines = ["process | start | 10 % | 50 % | 100 % | most | process ids", "--- |" * 6 + " ---"]
        for name, samples in self._samples.items():
            figures = [samples[round(share * (len(samples) - 1))].megabytes for share in (0, 0.1, 0.5, 1)]
            most = max(sample.megabytes for sample in samples)
            pids = len({sample.pid for sample in samples})
            lines.append(" | ".join([name, *(f"{figure:.1f}" for figure in (*figures, most)), str(pids)]))
        return "\n".join(lines)

    def _watch(self) -> None:
        while not self._ended.is_set():
            self._look()
            self._ended.wait(_SECONDS)

    def _look(self) -> None:
        for worker in self._cluster.workers:
            for number, pid in enumerate(worker.pids if worker.spared else ()):
                self._note(f"{worker.name}, {_role(number, pid)}", pid)
        server = self._cluster.server.process.pid
        self._note("Redis, resident", server)
        with contextlib.suppress(redis.RedisError):
            used = self._cluster.redis.info("memory")["used_memory"]
            self._add("Redis, used", server, used / _MEGABYTE)
            self._add("Redis, keys (a number)", server, self._cluster.redis.dbsize())

    def _note(self, name: str, pid: int) -> None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            self._add(name, pid, pages * _PAGE / _MEGABYTE)

    def _add(self, name: str, pid: int, figure: float) -> None:
        sample = Sample(time.monotonic() - self._started_at, pid, figure)
        self._samples.setdefault(name, []).append(sample)


def _role(number: int, pid: int) -> str:
    """Return what the first process of a worker, or one of its children, is."""
    if number == 0:
        return "parent"
    return "tracker" if is_tracker(pid) else "pool"
