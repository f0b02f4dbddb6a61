"""Figures for Prometheus: every pool process counts, the worker's parent serves the sums."""

import functools
import logging
import os
import shutil
import socketserver
import tempfile
from collections.abc import Mapping
from typing import Any

import prometheus_client
from celery import signals
from prometheus_client import CollectorRegistry, Counter, Histogram, multiprocess, values

from ..settings import settings

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_own_directory = ""  # made by this process
if DIRECTORY not in os.environ:  # children inherit it
    _own_directory = os.environ[DIRECTORY] = tempfile.mkdtemp(prefix="capq-metrics-")
# prometheus-client reads the variable when it is first imported, which a Celery plug-in such as
# Flower may have done before it was set, so the choice that depends on it is made again here.
values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]

log = logging.getLogger(__name__)

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160)

_unreadable = Counter("capq_images_unreadable_total", "Input images that could not be decoded")
_units = Counter("capq_units_total", "Units by kind of job and outcome", ("kind", "outcome"))
_duration = Histogram("capq_unit_duration_seconds", "Time a unit took", ("kind",), buckets=_SECONDS)

_server: socketserver.BaseServer | None = None


def unit_ended(kind: str, outcome: str, seconds: float | None = None) -> None:
    """Count a unit: ``done``, ``retried``, ``dead`` or ``cancelled``; None seconds for one that was lost."""
    _units.labels(kind, outcome).inc()
    if seconds is not None:
        _duration.labels(kind).observe(seconds)


@functools.cache
def images_counter(counted_as: str) -> Counter:
    """Return the counter of images that were ``rendered``, ``solved`` or whatever else a kind does.

    It is exported from its first use on; used before a unit runs, it starts at 0 as a rate needs it.
    """
    return Counter(f"capq_images_{counted_as}_total", f"Images {counted_as}")


def count_images(counted_as: str, counts: Mapping[str, int]) -> None:
    """Count the images of a unit that ended well."""
    images_counter(counted_as).inc(counts.get("images", 0) - counts.get("kept", 0))
    _unreadable.inc(counts.get("unreadable", 0))


def port() -> int | None:
    """Return the port this worker serves /metrics on; None when it does not."""
    return int(_server.server_address[1]) if _server else None  # type: ignore[index]


def install() -> None:
    """Serve from the worker's parent process, and drop the gauges of children that ended."""
    signals.worker_init.connect(_serve)
    signals.worker_process_shutdown.connect(_drop_process)
    signals.worker_shutdown.connect(_close)


def _serve(**_: Any) -> None:
    global _server
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    _server, _thread = prometheus_client.start_http_server(
        settings().metrics_port, addr=settings().metrics_address, registry=registry
    )
    log.info("metrics on port %d", port())


def _drop_process(pid: int | None = None, **_: Any) -> None:
    multiprocess.mark_process_dead(pid or os.getpid())  # type: ignore[no-untyped-call]


def _close(**_: Any) -> None:
    if _server:
        _server.shutdown()
    if _own_directory:
        shutil.rmtree(_own_directory, ignore_errors=True)
