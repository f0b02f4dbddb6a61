"""Watches the process that started a worker: when that one goes, the worker ends too."""

import os
import signal
import threading
from typing import Any

from celery import signals

VARIABLE = "CAPQ_PARENT_FD"
"""Names the file descriptor whose end of file means that the holder of the other end is gone."""


def install() -> None:
    signals.worker_init.connect(_watch)


def _watch(**_: Any) -> None:
    value = os.environ.pop(VARIABLE, "")
    if value:
        threading.Thread(target=_end_with, args=(int(value),), name="parent-watch", daemon=True).start()


def _end_with(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
