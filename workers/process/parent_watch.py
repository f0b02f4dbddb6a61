"""Ends a worker when the process that started it has died."""

import os
import signal
import threading
from typing import Any

from celery import signals

VARIABLE = "CAPQ_PARENT_FD"
"""Holds a pipe's file descriptor; the pipe reaches its end of file when the process at the other end dies."""


def install() -> None:
    signals.worker_init.connect(_watch)


def _watch(**_: Any) -> None:
    value = os.environ.pop(VARIABLE, "")
    if value:
        threading.Thread(
            target=_terminate_at_end_of_file, args=(int(value),), name="parent-watch", daemon=True
        ).start()


def _terminate_at_end_of_file(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
