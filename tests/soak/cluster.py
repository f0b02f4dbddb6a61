"""Redis, workers and a small disk for the outputs, all of them real, and all of them to be broken."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import redis

from tests.conftest import Capq, RedisServer, clean_environment, processes_of
from tests.faults import disk, network
from workers.ledger.ledger import Ledger
from workers.settings import Settings

LEASE_SECONDS = 5.0
_SETTINGS = {
    "CAPQ_LEASE_SECONDS": str(LEASE_SECONDS),
    "CAPQ_SLICE_SECONDS": "2",
    "CAPQ_JOB_DAYS": "0.004",  # records go after six minutes, so that Redis can be seen to be flat
}
_RESTART_SECONDS = 3.0
_DISK_MEGABYTES = 600


def is_tracker(pid: int) -> bool:
    """Tell whether a child of a worker keeps track of semaphores, and runs no units."""
    with contextlib.suppress(OSError):
        return b"_tracker import" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def send(number: int, pids: Sequence[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@dataclass
class Worker:
    """A worker as a service manager has it: it is started again when it has ended.

    Attributes
    ----------
    spared
        Whether it is left alone, so that its memory can be followed to the end.
    capq
        The command line where it runs: on this machine, or in the namespace.
    """

    name: str
    queue: str
    capq: Capq
    spared: bool = False
    ended_at: float = 0.0
    starts: int = 0
    process: subprocess.Popen[str] = field(init=False)

    def start(self) -> None:
        self.starts += 1
        log = self.capq.folder / f"{self.name}.log"
        self.process = self.capq.start("worker", self.queue, "--processes", 1, log=log)
        self.ended_at = 0.0

    @property
    def pids(self) -> list[int]:
        """The worker's process and its children, while it lives."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return processes_of(self.process.pid)
        return []

    @property
    def pool(self) -> list[int]:
        """The pool's processes, without the one that keeps track of semaphores."""
        return [pid for pid in self.pids[1:] if not is_tracker(pid)]

    def signal(self, number: int) -> None:
        """Send a signal to all of its processes, as to a machine."""
        send(number, self.pids)

    def keep(self) -> None:
        """Start it again some seconds after its end."""
        if self.process.poll() is None:
            return
        now = time.monotonic()
        self.ended_at = self.ended_at or now
        if now - self.ended_at > _RESTART_SECONDS:
            self.start()


class Cluster:
    """All that a soak runs on, in one folder.

    Attributes
    ----------
    link
        The link to one of the cpu workers; None where no namespaces can be made.
    disk
        What the outputs lie on; None where nothing can be mounted.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = contextlib.ExitStack()
        self._ended = threading.Event()
        self.outputs = folder / "outputs"
        self.outputs.mkdir()
        self.missing = {"network": network.unavailable(), "disk": disk.unavailable(self.outputs)}
        self.link = None if self.missing["network"] else self._stack.enter_context(network.link())
        self.disk = (
            None
            if self.missing["disk"]
            else self._stack.enter_context(disk.disk(self.outputs, _DISK_MEGABYTES))
        )
        (folder / "redis").mkdir()
        self.server = RedisServer(folder / "redis", self.link.here if self.link else "")
        self._stack.callback(self.server.close)
        self.capq = Capq(self._environment(self.server.url), folder)
        self._stack.callback(self.capq.close)
        self.settings = Settings(
            redis_url=self.server.url, key_prefix="soak", home=folder / "home", lease_seconds=LEASE_SECONDS
        )
        self.ledger = Ledger.open(self.settings)
        self.redis = redis.Redis.from_url(self.server.url, decode_responses=True)
        self.workers = self._workers()
        for worker in self.workers:
            worker.start()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    @property
    def victims(self) -> list[Worker]:
        return [worker for worker in self.workers if not worker.spared]

    def close(self) -> None:
        self._ended.set()
        self._keeper.join()
        for worker in self.workers:
            worker.signal(signal.SIGCONT)
        self._stack.close()

    def _workers(self) -> list[Worker]:
        remote = self.capq
        if self.link:
            prefix = ("ip", "netns", "exec", self.link.namespace)
            remote = Capq(self._environment(self.server.outer_url), self._folder, prefix=prefix)
            self._stack.callback(remote.close)
        return [
            Worker("cpu-spared", "cpu", self.capq, spared=True),
            Worker("cpu-victim", "cpu", remote),
            Worker("gpu-spared", "gpu", self.capq, spared=True),
            Worker("gpu-victim", "gpu", self.capq),
        ]

    def _environment(self, url: str) -> dict[str, str]:
        own = {
            "CAPQ_REDIS_URL": url,
            "CAPQ_KEY_PREFIX": "soak",
            "CAPQ_HOME": str(self._folder / "home"),
            "CUDA_VISIBLE_DEVICES": "",
        }
        return clean_environment(**_SETTINGS, **own)

    def _keep(self) -> None:
        while not self._ended.wait(0.5):
            for worker in self.workers:
                worker.keep()
