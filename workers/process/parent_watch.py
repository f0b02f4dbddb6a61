"""A leash from the embedded runtime to its workers: when it goes, they end too."""

import os
import signal
import threading
from typing import Any

from celery import signals

VARIABLE = "CAPQ_LEASH_FD"
"""Names the file descriptor whose end of file means that the holder of the other end is gone."""


def install() -> None:
    signals.worker_init.connect(_watch)


def _watch(**_: Any) -> None:
    value = os.environ.pop(VARIABLE, "")
    if value:
        threading.Thread(target=_end_with, args=(int(value),), name="leash", daemon=True).start()


def _end_with(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
