"""A job's progress until it ends: a bar in a terminal, plain lines elsewhere."""

import contextlib
import time
from collections.abc import Generator
from typing import Protocol

from captcha_core.errors import counted
from workers.app import app
from workers.kinds import KINDS
from workers.ledger.job import Job, State
from workers.ledger.ledger import Ledger
from workers.settings import settings
from workers.units.publishing import being_listed, publish, unpublished

from ..terminal import console, duration, note, watched

_POLL_SECONDS = 0.05
_FINISHING_POLL_SECONDS = 0.01  # results are most often put together in less than a tenth of a second
_FEED_SECONDS = 0.2
_LINE_SECONDS = 5.0
_WARN_SECONDS = 8.0
_STALLED_SECONDS = 15.0

Feed = Generator[None, None, None]
"""Publishes a job's units while they are listed, one a step."""


class _View(Protocol):
    def show(self, job: Job) -> None: ...
    def close(self) -> None: ...


def follow(ledger: Ledger, job_id: str, feed: Feed | None = None) -> Job:
    """Show a job's progress until it has ended, and return it.

    Ctrl-C raises KeyboardInterrupt. The job then goes on, except one whose units are still
    being listed, which `feed` cancels when it is closed.
    """
    started_at = time.monotonic()
    warned = False
    stall = _Stall()
    with contextlib.ExitStack() as stack:
        if feed:
            stack.callback(feed.close)
        _publish_some(feed)  # the workers have something to do while the view is made
        view: _View = _Bar() if watched() else _Lines()
        stack.callback(view.close)
        job = ledger.get(job_id)
        while not job.state.closed:
            view.show(job)
            if unpublished(job):
                # Takes over from a publisher that died; while one is alive it does nothing.
                publish(ledger, job_id)
            late = time.monotonic() - started_at > _WARN_SECONDS
            if not warned and late and _warn_if_stuck(ledger, job):
                warned = True
            elif warned or job.state is not State.QUEUED:
                stall.look(job)
            if not _publish_some(feed):
                time.sleep(_FINISHING_POLL_SECONDS if job.state is State.FINISHING else _POLL_SECONDS)
            job = ledger.get(job_id)
        view.show(job)
        return job


class _Stall:
    """Watches for a job that gets no further, and notes it where no worker is left to go on with it."""

    def __init__(self) -> None:
        self._progress: object = None
        self._next_look = 0.0
        self._noted = False

    def look(self, job: Job) -> None:
        """Note that no worker listens, once until the job gets further again."""
        progress = (job.state, job.done, job.dead, job.counts, job.latest)
        now = time.monotonic()
        if progress != self._progress:
            self._progress, self._noted = progress, False
        elif self._noted or now < self._next_look:
            return
        else:
            self._noted = _warn_without_worker(job)
        self._next_look = time.monotonic() + _STALLED_SECONDS


def _publish_some(feed: Feed | None) -> bool:
    """Publish listed units for a fifth of a second; False when none was left to publish."""
    end = time.monotonic() + _FEED_SECONDS
    published = False
    for _ in feed or ():
        published = True
        if time.monotonic() > end:
            break
    return published


def _warn_if_stuck(ledger: Ledger, job: Job) -> bool:
    """Note what keeps a job from starting, as far as this can tell; False when it has started."""
    if being_listed(job) and not ledger.is_publishing(job.id):
        note(f"{job.id}: the listing of its images was cut short: give the same command again to go on")
        return True
    if job.state is State.QUEUED:
        _warn_without_worker(job)
        return True
    return False


def describe(job: Job) -> str:
    """Return a job's progress in one line: units, images, rate, newest figures, time left."""
    return ", ".join(filter(None, (done_so_far(job), _outlook(job))))


def done_so_far(job: Job) -> str:
    """Return the first part of that line, without what is still to come."""
    figures = [f"{name.replace('_', ' ')} {value}" for name, value in KINDS[job.kind].figures(job).items()]
    elapsed = (job.ended or time.time()) - (job.started or time.time())
    parts = [_units(job), *_images(job, elapsed), *figures]
    return ", ".join(part for part in parts if part)


def _units(job: Job) -> str:
    kind = KINDS[job.kind]
    ended = job.done + job.dead
    if being_listed(job):
        text = f"{ended:,} of {counted(job.published, kind.unit, kind.units)} so far"
    elif job.total < 0:
        text = counted(ended, kind.unit, kind.units)
    else:
        text = f"{ended:,} of {counted(job.total, kind.unit, kind.units)}"
    return f"{text}, {job.dead:,} failed" if job.dead else text


def _images(job: Job, elapsed: float) -> list[str]:
    images = job.counts.get("images", 0)
    if not images:
        return []
    return [counted(images, "image"), f"{images / elapsed:,.0f} images/s" if elapsed > 0 else ""]


def _outlook(job: Job) -> str:
    """Return what is still to come."""
    if job.state.closed:
        return ""
    if job.state is State.FINISHING:
        return "putting the results together"
    seconds = seconds_left(job)
    if seconds is not None:
        return f"{duration(seconds)} left"
    return "waiting for a worker" if job.state is State.QUEUED else ""


def seconds_left(job: Job) -> float | None:
    """Return the time that an open job still needs by its own pace; None where that is not known yet."""
    kind, elapsed = KINDS[job.kind], time.time() - (job.started or time.time())
    fraction = kind.fraction(job) or 0.0
    done_by_job = fraction - kind.share_before(job)
    if job.state.closed or job.state is State.FINISHING or done_by_job <= 0 or elapsed <= 0:
        return None
    return elapsed * (1 - fraction) / done_by_job


class _Bar:
    def __init__(self) -> None:
        # Here, so that a command without a terminal never loads rich.
        from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.fields[job]}"), BarColumn(), TaskProgressColumn(),
            TextColumn("{task.description}"), console=console(stderr=True), transient=True,
        )  # fmt: skip
        self._task = self._progress.add_task("", job="", total=None)
        self._progress.start()

    def show(self, job: Job) -> None:
        fraction = KINDS[job.kind].fraction(job)
        self._progress.update(
            self._task,
            job=job.id,
            description=describe(job),
            total=1.0 if fraction is not None else None,
            completed=fraction or 0.0,
        )

    def close(self) -> None:
        self._progress.stop()


class _Lines:
    def __init__(self) -> None:
        self._next = 0.0

    def show(self, job: Job) -> None:
        now = time.monotonic()
        if now >= self._next or job.state.closed:
            self._next = now + _LINE_SECONDS
            note(f"{job.id}: {describe(job)}")

    def close(self) -> None:
        """Nothing to do: lines stay where they are."""


def _warn_without_worker(job: Job) -> bool:
    """Note that no worker listens on the job's queue, where that is so: no unit of it can run then."""
    if settings().embedded:
        return False
    queue = KINDS[job.kind].queue
    queues_by_worker = app.control.inspect(timeout=1.0).active_queues() or {}
    if not any(active["name"] == queue for queues in queues_by_worker.values() for active in queues):
        note(f"no worker listens on the queue {queue!r}: start one with `capq worker {queue}`")
        return True
    return False
