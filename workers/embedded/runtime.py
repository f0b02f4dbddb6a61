"""Starting and stopping the embedded runtime, from a command's process."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ..errors import RuntimeStartError
from ..settings import Settings
from . import processes, redis_server, servers
from .locks import CLIENTS, SUPERVISOR, lock
from .supervisor import STATUS

_START_SECONDS = 60
_STOP_SECONDS = 150
_POLL = 0.05


@dataclass(frozen=True)
class Status:
    """What runs now.

    Attributes
    ----------
    pid
        The supervisor's; None when the runtime is not running.
    children
        Process numbers of ``redis``, ``cpu`` and ``gpu``, where they run.
    server
        The server that runs as ``redis``, such as ``Valkey 9.1``.
    """

    pid: int | None
    children: dict[str, int] = field(default_factory=dict)
    server: str = ""


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
        if process is None and not _supervised(settings):
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
            process = None  # it found the lock taken, by another supervisor or by a command in `_supervised`
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
    if not _supervised(settings):
        return False
    deadline = time.monotonic() + _STOP_SECONDS
    while _supervised(settings):
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


def status(settings: Settings) -> Status:
    """Return what runs now."""
    if not _supervised(settings):
        return Status(None)
    try:
        content = json.loads((settings.home / STATUS).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return Status(None)  # the supervisor is starting or ending
    if processes.birth(content["pid"]) != content.get("birth"):
        return Status(None)  # left by a supervisor that was killed: the number may be a stranger's by now
    return Status(content["pid"], content["children"], content.get("server", ""))


def _not_started(logs: Path, said: IO[bytes]) -> RuntimeStartError:
    """Say why: what the supervisor itself died of, else what its server said last."""
    said.seek(0)
    last_words = said.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
    complaint = last_words or redis_server.complaint(logs / "redis.log")
    reason = f" ({complaint})" if complaint else ""
    return RuntimeStartError(f"the embedded runtime did not start{reason}: see {logs}")


def _supervised(settings: Settings) -> bool:
    with lock(settings.home / SUPERVISOR, wait=False) as free:
        return not free
