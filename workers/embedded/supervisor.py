"""The parent process of the embedded runtime: ``python -m workers.embedded.supervisor``.

It holds a lock for as long as it lives, runs redis-server, starts a worker for each queue
that has jobs, restarts what died, and ends after a while without jobs and commands.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import redis

from ..errors import RuntimeStartError
from ..kinds import KINDS
from ..ledger.ledger import Ledger
from ..process import parent_watch
from ..process.logs import Format, formatter
from ..settings import Settings, settings
from . import redis_server, runtime_status
from .locks import CLIENTS, SUPERVISOR, lock

log = logging.getLogger("capq.supervisor")

_TICK = 0.25
_GRACE_SECONDS = 60
_RESTART_SECONDS = 2.0


class Supervisor:
    """The embedded runtime's children, and when to start and end them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ledger = Ledger.open(settings)
        self._redis: subprocess.Popen[bytes] | None = None
        self._redis_ready = False
        self._redis_answered = False
        self._server = ""
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._started_at: dict[str, float] = {}
        self._stopping = False
        # Nobody writes: when this process dies, the kernel closes its end, and workers read the end of file.
        self._read_end, self._write_end = os.pipe()

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        self._stopping = True

    def run(self) -> None:
        """Supervise until stopped, or until `idle_seconds` have passed without jobs and running commands."""
        last_busy = time.monotonic()
        with ExitStack() as closing:
            closing.callback(self._end_children)
            while not self._stopping:
                queues = self._queues_with_jobs() if self._ensure_redis() else set()
                for queue in queues:
                    self._ensure_worker(queue)
                if queues:
                    last_busy = time.monotonic()
                elif time.monotonic() - last_busy > self._settings.idle_seconds:
                    # Held until this process has ended: a new command waits and starts the runtime again.
                    if closing.enter_context(lock(self._settings.home / CLIENTS, wait=False)):
                        log.info("idle for %.0f s: ending", self._settings.idle_seconds)
                        return
                    last_busy = time.monotonic()
                time.sleep(_TICK)

    def _ensure_redis(self) -> bool:
        """Start the server if need be; True when it answers.

        Raises
        ------
        RuntimeStartError
            When it ended before any has answered: the next one would end as well.
        """
        if self._redis is None or self._redis.poll() is not None:
            if self._redis and not self._redis_answered:
                raise RuntimeStartError(redis_server.complaint(self._log("redis")))
            if self._started_recently("redis"):
                return False
            if redis_server.answers(self._settings):
                redis_server.shut_down(self._settings)
            server, self._redis = redis_server.start(self._settings, self._log("redis"))
            self._server = str(server)
            self._redis_ready = False
            self._write_status()
        self._redis_ready = self._redis_ready or redis_server.answers(self._settings)
        self._redis_answered = self._redis_answered or self._redis_ready
        return self._redis_ready

    def _queues_with_jobs(self) -> set[str]:
        try:
            return {KINDS[job.kind].queue for job in self._ledger.active() if job.kind in KINDS}
        except redis.RedisError:
            log.exception("the ledger does not answer")
            return set()

    def _ensure_worker(self, queue: str) -> None:
        worker = self._workers.get(queue)
        if worker and worker.poll() is None:
            return
        if self._started_recently(queue):
            return
        if worker:
            log.warning("the %s worker ended with %s: starting it again", queue, worker.returncode)
        with self._log(queue).open("ab") as output:
            self._workers[queue] = subprocess.Popen(
                [sys.executable, "-m", "workers.process.launch", queue],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, parent_watch.VARIABLE: str(self._read_end)},
                pass_fds=(self._read_end,),
                start_new_session=True,
            )
        self._write_status()

    def _started_recently(self, name: str) -> bool:
        """Tell whether a child was started just now: one that fails at once is not started again at once."""
        now = time.monotonic()
        if now - self._started_at.get(name, -_RESTART_SECONDS) < _RESTART_SECONDS:
            return True
        self._started_at[name] = now
        return False

    def _write_status(self) -> None:
        children = {"redis": self._redis, **self._workers}
        running = {name: child.pid for name, child in children.items() if child and child.poll() is None}
        runtime_status.write(self._settings.home, running, self._server)

    def _log(self, name: str) -> Path:
        return self._settings.home / "logs" / f"{name}.log"

    def _end_children(self) -> None:
        """End the workers first, so that they can still record their units, then Redis."""
        _end(list(self._workers.values()))
        if self._redis:
            _end([self._redis])
        runtime_status.remove(self._settings.home)


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        child.terminate()
    deadline = time.monotonic() + _GRACE_SECONDS
    for child in children:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _open_log(path: Path, log_format: Format) -> None:
    handler = logging.FileHandler(path)
    handler.setFormatter(formatter(log_format, logging.Formatter("%(asctime)s %(levelname)s %(message)s")))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def main() -> None:
    configured = settings()
    logs = configured.home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with lock(configured.home / SUPERVISOR, wait=False) as acquired:
        if not acquired:
            return
        runtime_status.remove(configured.home)  # of a supervisor that was killed
        for file in logs.glob("*.log"):
            file.replace(file.with_suffix(".log.1"))
        _open_log(logs / "supervisor.log", configured.log_format)
        supervisor = Supervisor(configured)
        signal.signal(signal.SIGTERM, supervisor.stop)
        signal.signal(signal.SIGINT, supervisor.stop)
        try:
            supervisor.run()
        except RuntimeStartError as error:
            log.error("%s", error)  # noqa: TRY400  (the command that waits shows why, and this is no fault of ours)
            sys.exit(1)
        except Exception:
            log.exception("the supervisor fails")
            raise  # its last line reaches the command that waits


if __name__ == "__main__":
    main()
