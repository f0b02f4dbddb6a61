"""Starting and stopping the embedded runtime, from a command's process."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ..errors import RuntimeStartError
from ..settings import Settings
from . import redis_server, servers
from .locks import CLIENTS, lock
from .runtime_status import status, supervised

_START_SECONDS = 60
_STOP_SECONDS = 150
_POLL = 0.05


@contextlib.contextmanager
def attached(settings: Settings) -> Iterator[None]:
    """Keep the runtime up while a command is at work."""
    with lock(settings.home / CLIENTS, shared=True):
        start(settings)
        yield


def start(settings: Settings) -> None:
    """Start the runtime unless it runs, and wait until its Redis answers.

    Raises
    ------
    NoRedisServerError
        When there is no server.
    OtherServerDataError
        When the data that is there is of another server.
    RuntimeStartError
        When the runtime does not start.
    """
    with tempfile.TemporaryFile() as said:
        _start(settings, said)


def _start(settings: Settings, said: IO[bytes]) -> None:
    """Start the runtime, whose supervisor's standard error is the file `said`."""
    redis_server.make_socket_folder(settings)
    deadline = time.monotonic() + _START_SECONDS
    process = None
    # Without a status, what answers is the server that a killed supervisor has left behind.
    while not (status(settings).pid and redis_server.answers(settings)):
        if process is None and not supervised(settings):
            servers.select(
                settings.home
            )  # raised here, its error reaches the user; in the supervisor, only a log
            process = subprocess.Popen(
                [sys.executable, "-m", "workers.embedded.supervisor"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )
        if process and process.poll() == 0:
            process = None  # it found the lock taken, by another supervisor or by a command in `supervised`
        if (process and process.poll()) or time.monotonic() > deadline:
            raise _not_started(settings.home / "logs", said)
        time.sleep(_POLL)


def stop(settings: Settings) -> bool:
    """End the runtime after its running units; False when it did not run.

    Raises
    ------
    RuntimeStartError
        When it does not end.
    """
    if not supervised(settings):
        return False
    deadline = time.monotonic() + _STOP_SECONDS
    while supervised(settings):
        pid = status(settings).pid
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        if time.monotonic() > deadline:
            raise RuntimeStartError(
                f"the embedded runtime (process {pid}) does not end: see {settings.home / 'logs'}"
            )
        time.sleep(_POLL)
    return True


def _not_started(logs: Path, said: IO[bytes]) -> RuntimeStartError:
    """Say why: what the supervisor itself died of, else what its server said last."""
    said.seek(0)
    last_words = said.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
    complaint = last_words or redis_server.complaint(logs / "redis.log")
    reason = f" ({complaint})" if complaint else ""
    return RuntimeStartError(f"the embedded runtime did not start{reason}: see {logs}")
