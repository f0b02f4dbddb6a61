"""The Celery tasks: one for each kind's units, and one that finishes jobs.

A message is a job's id and a unit's number; what the unit is to do stands in the ledger.
"""

import logging
from typing import Any

from ..app import app
from ..kinds import KINDS
from ..process import (
    heartbeat,
    logs,
    metrics_server,
    parent_watch,
    presence,
    remote_control,  # noqa: F401 (registers its command)
    tracing,
)
from ..settings import settings
from . import execution, sweeping
from .publishing import FINISH_TASK

log = logging.getLogger(__name__)

logs.install(settings().log_format)
tracing.install()
parent_watch.install()
metrics_server.install()
presence.install()
heartbeat.install()
sweeping.install()


def _run_unit(task: Any, job: object, unit: object) -> None:
    if not _names_unit(task.name, job, unit):
        log.error("a message for %s names no unit of such a job: it is dropped", task.name)
        return
    kind = str(job).rpartition("-")[0]
    execution.run_unit(kind, str(job), int(str(unit)), sweeping.owner(task.request))


def _names_unit(task: str, job: object, unit: object) -> bool:
    """Tell whether a message's arguments can be a job's id and a unit's number: anybody may send messages."""
    kind, _, token = str(job).rpartition("-")
    number = isinstance(unit, int) and not isinstance(unit, bool) and unit >= 0
    return isinstance(job, str) and bool(token) and number and KINDS.task(kind) == task


for name in KINDS.tasks:
    app.task(_run_unit, name=name, bind=True)


@app.task(name=FINISH_TASK, bind=True)
def finish(task: Any, job: str) -> None:
    """Put a job's results together when its last unit has ended."""
    execution.finish_job(str(job), sweeping.owner(task.request))
