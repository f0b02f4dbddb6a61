"""Live workers look for what those that vanished have left: leases that expired, messages that are lost.

Each worker's parent has a thread for it. A sweep is made of single atomic steps, each of which another
worker repeats when this one dies before the message that it owes is sent.
"""

import logging
import queue
import secrets
import threading
import time
from typing import Any, NamedTuple

import redis
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery import bootsteps, signals

from ..app import app
from ..errors import UnknownJobError
from ..kinds import KINDS
from ..ledger.job import Job, State
from ..ledger.leases import FINISH, LeaseName, unit_lease
from ..ledger.ledger import Ledger
from ..process import metrics
from ..settings import settings
from .publishing import FINISH_TASK, publish, publish_waiting, send_owed, unpublished

log = logging.getLogger(__name__)

_MOST = 200  # leases a sweep
_SWEEP_SECONDS = 2.0
_AUDIT = "audit"


class LostTask(NamedTuple):
    """A task whose process has died: the arguments of its message, and its owner's beginning."""

    job_id: str
    unit: int | str
    owner: str


_lost: "queue.SimpleQueue[LostTask]" = queue.SimpleQueue()


def owner(request: Any) -> str:
    """Return the first part of the owner of what a task does: its message's id, and the worker."""
    return f"{request.id} {request.hostname} "


def sweep(ledger: Ledger, max_attempts: int) -> None:
    """Owe and send the units whose leases have expired, or set them aside after their last attempt."""
    for name in map(LeaseName.parse, ledger.leases.due(_MOST)):
        if name.kind == "unit":
            _expire(ledger, name, max_attempts)
        else:
            ledger.leases.drop(str(name))


def _expire(ledger: Ledger, name: LeaseName, max_attempts: int) -> None:
    result = ledger.expire(name.subject, name.unit, max_attempts)
    try:
        job = ledger.get(name.subject)
    except UnknownJobError:
        return
    if result.dead == FINISH:
        log.warning("%s: its results are given up", job.id)
        ledger.close(job.id, State.FAILED, error="the workers that put its results together were lost")
    elif result.dead:
        log.warning("%s %s: set aside, its workers were lost", job.id, result.dead)
        metrics.unit_ended(job.kind, "dead")
    if result.next_unit:
        log.info("%s %s: sent again", job.id, result.next_unit)
        send_owed(ledger, job, result.next_unit)


class Audit:
    """Looks for open jobs that stand still though no message waits: their messages are lost, or unsent.

    A message is lost when a worker dies, or Redis is out of memory, between the moment that takes it
    from its queue and the one that leases its unit. Sent once more for nothing, it changes nothing.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._owner = secrets.token_hex(8)
        self._idle: dict[str, tuple[object, ...]] = {}

    def look(self) -> None:
        """Send what is lost of jobs that have not moved since the last look; one worker does so at a time."""
        if self._ledger.leases.take(_AUDIT, self._owner):
            return
        before, self._idle = self._idle, {}
        for job in self._ledger.active():
            if job.kind not in KINDS:
                continue
            if unpublished(job):
                publish(self._ledger, job.id)
            elif not self._ledger.messages(KINDS[job.kind].queue):
                progress = (job.state, job.done, job.dead, job.published)
                if before.get(job.id) == progress:
                    self._send_lost(job)
                else:
                    self._idle[job.id] = progress

    def _send_lost(self, job: Job) -> None:
        if job.state is State.FINISHING:
            if self._ledger.leases.owner(unit_lease(job.id, FINISH)) is None:
                send_owed(self._ledger, job, FINISH)
        elif count := publish_waiting(self._ledger, job):
            log.warning("%s: %d waiting units may have lost their messages: sent again", job.id, count)


class Sweeper(bootsteps.StartStopStep):  # type: ignore[misc]
    """The thread of a worker's parent; it goes on when Redis has been away."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, parent: Any) -> None:
        # Loaded before the thread runs: a child that is forked during its imports waits for them for ever.
        dict(KINDS)
        self._thread = threading.Thread(target=self._sweep, name="sweeper", daemon=True)
        self._thread.start()

    def stop(self, parent: Any) -> None:
        self._ended.set()

    terminate = stop

    def _sweep(self) -> None:
        # Its own connections: children that the parent forks meanwhile make others.
        ledger, seconds = Ledger.open(settings()), settings().lease_seconds
        audit, audited_at = Audit(ledger), time.monotonic()
        while not self._ended.is_set():
            try:
                _lose(ledger, min(_SWEEP_SECONDS, seconds / 5))
                sweep(ledger, settings().max_attempts)
                if time.monotonic() - audited_at > seconds / 3:
                    audited_at = time.monotonic()
                    audit.look()
            except redis.RedisError as error:
                log.warning("Redis does not answer: %s", error)
                self._ended.wait(1)
            except Exception:
                log.exception("a sweep failed")
                self._ended.wait(_SWEEP_SECONDS)


def _lose(ledger: Ledger, seconds: float) -> None:
    """Wait for so long, or until a process of this worker has died, whose leases end then."""
    try:
        ledger.lose(*_lost.get(timeout=seconds))
    except queue.Empty:
        return


def _note_lost(
    sender: Any = None, task_id: str = "", exception: object = None, args: Any = (), **_: Any
) -> None:
    """Note a task whose process was killed or took too long; called in the worker's parent."""
    if not isinstance(exception, WorkerLostError | TimeLimitExceeded) or not args:
        return
    unit = FINISH if sender.name == FINISH_TASK else args[1]
    _lost.put(LostTask(args[0], unit, f"{task_id} "))


def install() -> None:
    """Give each worker its sweeper."""
    app.steps["worker"].add(Sweeper)
    signals.task_failure.connect(_note_lost)
