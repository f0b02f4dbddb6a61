"""The remote control command of Celery by which `capq workers` asks a worker about itself."""

import os
from typing import Any

from celery.worker.control import inspect_command

from ..app import app
from . import metrics_server


@inspect_command()  # type: ignore[untyped-decorator]
def capq(state: Any) -> dict[str, Any]:
    """Return what Celery's own commands do not."""
    return {
        "pid": os.getpid(),
        "metrics_port": metrics_server.port(),
        "queues": sorted(app.amqp.queues.consume_from),
        "processes": state.consumer.controller.concurrency,
    }
