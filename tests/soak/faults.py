"""What can go wrong, one at a time, each of it mended after some seconds."""

import contextlib
import random
import signal
import time
from collections.abc import Callable, Sequence

from .cluster import LEASE_SECONDS, Cluster, Worker, send
from .lanes import Lane

_BAD_MESSAGES = (b"", b"{", b"\x80\x04K\x07.", b"[" * 10_000, b"null", b"[" + b"1," * 500_000 + b"1]")

Fault = Callable[[], str]
"""Breaks something, mends it, and returns what it did."""


class Faults:
    """The faults of a soak, in an order that its seed gives."""

    def __init__(self, cluster: Cluster, lanes: Sequence[Lane], seed: int) -> None:
        self._cluster = cluster
        self._lanes = lanes
        self._random = random.Random(seed)
        self.counts: dict[str, int] = {}

    def next(self) -> str:
        """Do one, and return what it was."""
        fault = self._random.choice(self._possible())
        name = fault.__name__.strip("_").replace("_", " ")
        self.counts[name] = self.counts.get(name, 0) + 1
        return f"{name}: {fault()}"

    def _possible(self) -> list[Fault]:
        faults = [
            self._pool_process_killed,
            self._worker_killed,
            self._all_victims_killed,
            self._worker_stood_still,
            self._worker_terminated,
            self._worker_terminated_twice,
            self._redis_killed,
            self._redis_out_of_memory,
            self._command_killed,
            self._command_interrupted,
            self._job_cancelled,
            self._bad_messages,
            self._messages_duplicated,
            self._messages_lost,
        ]
        if self._cluster.link:
            faults += [self._link_cut, self._link_slow_and_lossy]
        if self._cluster.disk:
            faults += [self._disk_full, self._outputs_read_only]
        return faults

    def _victim(self) -> Worker:
        return self._random.choice(self._cluster.victims)

    def _pool_process_killed(self) -> str:
        worker = self._victim()
        send(signal.SIGKILL, worker.pool)
        return worker.name

    def _worker_killed(self) -> str:
        worker = self._victim()
        worker.signal(signal.SIGKILL)
        return worker.name

    def _all_victims_killed(self) -> str:
        for worker in self._cluster.victims:
            worker.signal(signal.SIGKILL)
        return str(len(self._cluster.victims))

    def _worker_stood_still(self) -> str:
        worker = self._victim()
        worker.signal(signal.SIGSTOP)
        time.sleep(LEASE_SECONDS * 2)  # that is the fault
        worker.signal(signal.SIGCONT)
        return worker.name

    def _worker_terminated(self) -> str:
        worker = self._victim()
        worker.process.terminate()
        return worker.name

    def _worker_terminated_twice(self) -> str:
        worker = self._victim()
        worker.process.terminate()
        time.sleep(0.5)  # two signals at once are one
        worker.process.terminate()
        return worker.name

    def _redis_killed(self) -> str:
        server = self._cluster.server
        server.process.kill()
        server.process.wait()
        seconds = self._random.choice((0, 2, 8))
        time.sleep(seconds)
        server.start()
        return f"back after {seconds} s"

    def _redis_out_of_memory(self) -> str:
        client = self._cluster.redis
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        time.sleep(6)
        client.config_set("maxmemory", 0)
        return "6 s"

    def _command_killed(self) -> str:
        return self._signalled(signal.SIGKILL)

    def _command_interrupted(self) -> str:
        return self._signalled(signal.SIGINT)

    def _signalled(self, number: signal.Signals) -> str:
        lane = self._random.choice(self._lanes)
        return lane.kind if lane.interrupt(number) else f"{lane.kind}: none was running"

    def _job_cancelled(self) -> str:
        jobs = self._cluster.ledger.active()
        if not jobs:
            return "there was none"
        job = self._random.choice(sorted(jobs, key=lambda job: job.id))
        cancelled = self._cluster.capq("cancel", job.id, code=None)
        again = self._cluster.capq("retry", job.id, "--detach", code=None)
        return f"{job.id} ({cancelled.returncode}), and retried at once ({again.returncode})"

    def _bad_messages(self) -> str:
        for queue in ("cpu", "gpu"):
            self._cluster.redis.lpush(f"soak:{queue}", *_BAD_MESSAGES)
        return str(len(_BAD_MESSAGES))

    def _messages_duplicated(self) -> str:
        counts = []
        for queue in ("cpu", "gpu"):
            messages = list(self._cluster.redis.lrange(f"soak:{queue}", 0, -1))  # type: ignore[arg-type]
            counts.append(len(messages))
            if messages:
                self._cluster.redis.lpush(f"soak:{queue}", *messages, *messages)
        return f"{counts} messages twice more"

    def _messages_lost(self) -> str:
        return f"{self._cluster.redis.delete('soak:cpu', 'soak:gpu')} queues emptied"

    def _link_cut(self) -> str:
        assert self._cluster.link
        self._cluster.link.cut()
        time.sleep(LEASE_SECONDS * 2.5)
        self._cluster.link.restore()
        return f"{LEASE_SECONDS * 2.5:.0f} s"

    def _link_slow_and_lossy(self) -> str:
        link = self._cluster.link
        assert link
        link.delay, link.loss = 0.1, 0.02
        time.sleep(12)
        link.restore()
        return "100 ms, 2 %, for 12 s"

    def _disk_full(self) -> str:
        disk = self._cluster.disk
        assert disk
        end = time.monotonic() + 5
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                disk.fill(self._random.choice((0, 8192, 1 << 20)))
            time.sleep(0.2)
        disk.make_space()
        return "5 s"

    def _outputs_read_only(self) -> str:
        disk = self._cluster.disk
        assert disk
        end = time.monotonic() + 5
        while not (refused := disk.make_read_only()) and time.monotonic() < end:
            time.sleep(0.005)
        if refused:
            time.sleep(5)
        disk.make_writable()
        return "5 s" if refused else "never: files were open all the time"
