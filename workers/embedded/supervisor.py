"""The process that holds the embedded runtime together: ``python -m workers.embedded.supervisor``.

It holds a lock for as long as it lives, runs redis-server, starts a worker for each queue
that has jobs, starts what died again, and ends when nothing has been asked for a while.
"""

import json
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

from ..kinds import KINDS
from ..ledger.ledger import Ledger
from ..process import parent_watch
from ..settings import Settings, settings
from . import redis_server
from .locks import CLIENTS, SUPERVISOR, lock

log = logging.getLogger("capq.supervisor")

STATUS = "supervisor.json"
_TICK = 0.25
_GRACE_SECONDS = 60
_RESTART_SECONDS = 2.0


class Supervisor:
    """The embedded runtime's children, and when to start and end them."""

    def __init__(self, chosen: Settings) -> None:
        self._settings = chosen
        self._ledger = Ledger.open(chosen)
        self._redis: subprocess.Popen[bytes] | None = None
        self._redis_ready = False
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._stopping = False
        # Workers hold the reading end; nobody writes, and the kernel closes ours when we die.
        self._pipe, self._pipe_held = os.pipe()

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        self._stopping = True

    def run(self) -> None:
        """Supervise until told to stop, or idle for the settings' time with no command at work."""
        busy = time.monotonic()
        with ExitStack() as closing:
            closing.callback(self._end_children)
            while not self._stopping:
                queues = self._queues_with_jobs() if self._redis_runs() else set()
                for queue in queues:
                    self._worker_runs(queue)
                if queues:
                    busy = time.monotonic()
                elif time.monotonic() - busy > self._settings.idle_seconds:
                    # Kept to the end, so that a command that comes now waits for a fresh runtime.
                    if closing.enter_context(lock(self._settings.home / CLIENTS, wait=False)):
                        log.info("idle for %.0f s: ending", self._settings.idle_seconds)
                        return
                    busy = time.monotonic()
                time.sleep(_TICK)

    def _redis_runs(self) -> bool:
        """Start redis-server if need be; True when it answers."""
        if self._redis is None or self._redis.poll() is not None:
            if self._recently("redis"):
                return False
            if redis_server.answers(self._settings):
                redis_server.shut_down(self._settings)
            self._redis = redis_server.start(self._settings, self._log("redis"))
            self._redis_ready = False
            self._write_status()
        self._redis_ready = self._redis_ready or redis_server.answers(self._settings)
        return self._redis_ready

    def _queues_with_jobs(self) -> set[str]:
        try:
            return {KINDS[job.kind].queue for job in self._ledger.active() if job.kind in KINDS}
        except redis.RedisError:
            log.exception("the ledger does not answer")
            return set()

    def _worker_runs(self, queue: str) -> None:
        worker = self._workers.get(queue)
        if worker and worker.poll() is None:
            return
        if self._recently(queue):
            return
        if worker:
            log.warning("the %s worker ended with %s: starting it again", queue, worker.returncode)
        with self._log(queue).open("ab") as output:
            self._workers[queue] = subprocess.Popen(
                [sys.executable, "-m", "workers.process.launch", queue],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, parent_watch.VARIABLE: str(self._pipe)},
                pass_fds=(self._pipe,),
                start_new_session=True,
            )
        self._write_status()

    def _recently(self, name: str) -> bool:
        """Tell whether a child was started just now, so that one that fails at once does not spin."""
        now = time.monotonic()
        if now - self._started.get(name, -_RESTART_SECONDS) < _RESTART_SECONDS:
            return True
        self._started[name] = now
        return False

    def _write_status(self) -> None:
        children = {"redis": self._redis, **self._workers}
        content = {
            "pid": os.getpid(),
            "children": {
                name: child.pid for name, child in children.items() if child and child.poll() is None
            },
        }
        (self._settings.home / STATUS).write_text(json.dumps(content))

    def _log(self, name: str) -> Path:
        return self._settings.home / "logs" / f"{name}.log"

    def _end_children(self) -> None:
        """Workers first, so that they can record what they end with; then Redis."""
        _end(list(self._workers.values()))
        if self._redis:
            _end([self._redis])
        (self._settings.home / STATUS).unlink(missing_ok=True)


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


def main() -> None:
    chosen = settings()
    logs = chosen.home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with lock(chosen.home / SUPERVISOR, wait=False) as alone:
        if not alone:
            return
        for file in logs.glob("*.log"):
            file.replace(file.with_suffix(".log.1"))
        logging.basicConfig(
            filename=logs / "supervisor.log",
            level=logging.INFO,
            format="%(asctime)s %(levelname)s %(message)s",
        )
        supervisor = Supervisor(chosen)
        signal.signal(signal.SIGTERM, supervisor.stop)
        signal.signal(signal.SIGINT, supervisor.stop)
        supervisor.run()


if __name__ == "__main__":
    main()
