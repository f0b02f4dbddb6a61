"""The Celery tasks. Messages are (job, unit); what to do stands in the ledger."""

from typing import Any

import redis

from ..app import app
from ..process import metrics, parent_watch, remote_control  # noqa: F401 (remote_control registers its command)
from . import execution
from .publishing import FINISH_TASK

parent_watch.install()
metrics.install()

_LOST_REDIS: dict[str, Any] = {
    "bind": True,
    "autoretry_for": (redis.RedisError,),
    "max_retries": None,
    "retry_backoff": 1,
    "retry_backoff_max": 30,
}


def _again(task: Any) -> execution.Again:
    """Let Celery deliver the unit again, later with every attempt."""

    def retry(error: Exception, attempt: int) -> Exception:
        found: Exception = task.retry(exc=error, countdown=2**attempt, max_retries=None, throw=False)
        return found

    return retry


@app.task(name="capq.generate.shard", **_LOST_REDIS)
def generate_shard(self: Any, job: str, unit: int) -> None:
    """Render and write one shard."""
    execution.run_unit(job, unit, _again(self))


@app.task(name="capq.train.slice", **_LOST_REDIS)
def train_slice(self: Any, job: str, unit: int) -> None:
    """Train for a bounded time between two checkpoints."""
    execution.run_unit(job, unit, _again(self))


@app.task(name="capq.solve.batch", **_LOST_REDIS)
def solve_batch(self: Any, job: str, unit: int) -> None:
    """Read one batch of images."""
    execution.run_unit(job, unit, _again(self))


@app.task(name="capq.evaluate.batch", **_LOST_REDIS)
def evaluate_batch(self: Any, job: str, unit: int) -> None:
    """Read one batch of labelled images and count what was right."""
    execution.run_unit(job, unit, _again(self))


@app.task(name=FINISH_TASK, **_LOST_REDIS)
def finish(_task: Any, job: str) -> None:
    """Put a job's results together when its last unit has ended."""
    execution.finish_job(job)
