"""The Celery tasks: one for each kind's units, and one that finishes jobs.

A message is a job's id and a unit's number; what the unit is to do stands in the ledger.
"""

from typing import Any

import redis

from ..app import app
from ..kinds import KINDS
from ..process import metrics, parent_watch, remote_control  # noqa: F401 (remote_control registers its command)
from . import execution
from .publishing import FINISH_TASK

parent_watch.install()
metrics.install()

_OPTIONS: dict[str, Any] = {
    "bind": True,
    "autoretry_for": (redis.RedisError,),
    "max_retries": None,
    "retry_backoff": 1,
    "retry_backoff_max": 30,
}


def _run_unit(task: Any, job: str, unit: int) -> None:
    def retry(error: Exception, attempt: int) -> Exception:
        retried: Exception = task.retry(exc=error, countdown=2**attempt, max_retries=None, throw=False)
        return retried

    execution.run_unit(job, unit, retry)


for name in KINDS.tasks:
    app.task(_run_unit, name=name, **_OPTIONS)


@app.task(name=FINISH_TASK, **_OPTIONS)
def finish(_task: Any, job: str) -> None:
    """Put a job's results together when its last unit has ended."""
    execution.finish_job(job)
