"""A worker's `/metrics`, served by its parent process."""

import logging
import shutil
import socketserver
import time
from collections.abc import Iterable
from typing import Any

from celery import signals
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from ..settings import settings
from . import metric_files, metrics, nvidia, process_memory
from .build_info import build_info

log = logging.getLogger(__name__)

_server: socketserver.BaseServer | None = None


class WorkerCollector(Collector):
    """What a worker serves: the sums over its processes, and what its parent sees of them."""

    def __init__(self) -> None:
        self._files = metric_files.FilesCollector()

    def collect(self) -> Iterable[Metric]:
        yield build_info()
        yield from _shown(list(self._files.collect()))
        yield from process_memory.families()
        yield from nvidia.families()


def _shown(families: list[Metric]) -> Iterable[Metric]:
    """Leave out the figures of trainings that report no longer, and networks that are used no longer."""
    reported = {
        sample.labels["process"]: sample.value
        for family in families
        if family.name == metrics.TRAINING_REPORTED
        for sample in family.samples
    }
    oldest = time.time() - metrics.TRAINING_SECONDS
    for family in families:
        if family.name.startswith(metrics.TRAINING):
            family.samples = [
                sample for sample in family.samples if reported.get(sample.labels["process"], 0) > oldest
            ]
        elif family.name == metrics.MODEL_INFO:
            family.samples = [sample for sample in family.samples if sample.value]
        if family.samples:
            yield family


def port() -> int | None:
    """Return the port this worker serves /metrics on; None when it does not."""
    return int(_server.server_address[1]) if _server else None  # type: ignore[index]


def install() -> None:
    """Serve from the worker's parent process."""
    signals.worker_init.connect(_serve)
    signals.worker_shutdown.connect(_close)


def _serve(**_: Any) -> None:
    global _server
    registry = CollectorRegistry()
    registry.register(WorkerCollector())
    _server, _thread = start_http_server(
        settings().metrics_port, addr=settings().metrics_address, registry=registry
    )
    log.info("metrics on port %d", port())


def _close(**_: Any) -> None:
    if _server:
        _server.shutdown()
    shutil.rmtree(metric_files.FOLDER, ignore_errors=True)
