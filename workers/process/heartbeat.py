"""A worker's heartbeat: a file with the time, which its parent renews while it lives.

`workers.process.health` reads it. A thread writes, as long as the event loop that takes messages goes
round; while Redis is away there is no such loop, and that a worker waits for it is no fault of its own.
"""

import logging
import threading
import time
from pathlib import Path
from typing import Any

from celery import bootsteps

from ..app import app
from ..settings import settings

log = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
LOOP_SECONDS = 60.0
"""For which the event loop may be busy with one thing, such as a Redis that answers late."""


def _is_wanted(_step: Any, _parent: Any) -> bool:
    return settings().heartbeat_file is not None


class EventLoop(bootsteps.StartStopStep):  # type: ignore[misc]
    """Notes that the event loop of a worker's parent goes round, while it is connected to Redis."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    include_if = _is_wanted
    turned_at: float | None = None
    """When it last went round; None while there is none."""

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        self._turn()
        self._timer = parent.timer.call_repeatedly(BEAT_SECONDS, self._turn)

    def stop(self, parent: Any) -> None:
        if self._timer:
            self._timer.cancel()
        EventLoop.turned_at = None

    shutdown = stop

    def _turn(self) -> None:
        EventLoop.turned_at = time.monotonic()


class Heartbeat(bootsteps.StartStopStep):  # type: ignore[misc]
    """The thread of a worker's parent; it ends with the process, and so beats while running units end."""

    requires = ("celery.worker.components:Pool",)
    include_if = _is_wanted

    def start(self, parent: Any) -> None:
        file = settings().heartbeat_file
        threading.Thread(target=_beat, args=(file,), name="heartbeat", daemon=True).start()


def _beat(file: Path) -> None:
    while True:
        turned_at = EventLoop.turned_at
        if turned_at is None or time.monotonic() - turned_at < LOOP_SECONDS:
            try:
                write(file)
            except OSError as error:
                log.warning("the heartbeat cannot be written: %s", error)
        time.sleep(BEAT_SECONDS)


def write(file: Path) -> None:
    """Note that this process lives, for `workers.process.health`."""
    aside = file.with_name(f"{file.name}.new")
    aside.write_text(str(time.monotonic()))
    aside.replace(file)


def install() -> None:
    """Have each worker beat, if ``CAPQ_HEARTBEAT_FILE`` says where."""
    app.steps["worker"].add(Heartbeat)
    app.steps["consumer"].add(EventLoop)
