"""Figures for Prometheus: every pool process counts, the worker's parent serves the sums."""

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
if DIRECTORY not in os.environ:  # children inherit it
    os.environ[DIRECTORY] = tempfile.mkdtemp(prefix="capq-metrics-")
# prometheus-client looks at the variable when it is first imported, which a plug-in of Celery's
# (Flower is one) may have done long ago, so its choice is made again here.
values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]

log = logging.getLogger(__name__)

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160)

_rendered = Counter("capq_images_rendered_total", "Images rendered into shards")
_solved = Counter("capq_images_solved_total", "Images read by a network")
_unreadable = Counter("capq_images_unreadable_total", "Input images that could not be decoded")
_trained = Counter("capq_images_trained_total", "Images seen in training")
_units = Counter("capq_units_total", "Units by kind of job and outcome", ("kind", "outcome"))
_duration = Histogram("capq_unit_duration_seconds", "Time a unit took", ("kind",), buckets=_SECONDS)

_BY_KIND = {"generate": _rendered, "solve": _solved, "evaluate": _solved, "train": _trained}

_server: socketserver.BaseServer | None = None


def unit_ended(kind: str, outcome: str, seconds: float | None = None) -> None:
    """Count a unit: ``done``, ``retried``, ``dead`` or ``cancelled``; no time where nobody saw it run."""
    _units.labels(kind, outcome).inc()
    if seconds is not None:
        _duration.labels(kind).observe(seconds)


def images(kind: str, counts: Mapping[str, int]) -> None:
    """Count the images of a unit that ended well."""
    _BY_KIND[kind].inc(counts.get("images", 0) - counts.get("kept", 0))
    _unreadable.inc(counts.get("unreadable", 0))


def port() -> int | None:
    """Return the port this worker serves /metrics on; None when it does not."""
    return int(_server.server_address[1]) if _server else None  # type: ignore[index]


def install() -> None:
    """Serve from the worker's parent process, and forget children that ended."""
    signals.worker_init.connect(_serve)
    signals.worker_process_shutdown.connect(_forget)
    signals.worker_shutdown.connect(_close)


def _serve(**_: Any) -> None:
    global _server
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    chosen = settings()
    _server, _thread = prometheus_client.start_http_server(
        chosen.metrics_port, addr=chosen.metrics_host, registry=registry
    )
    log.info("metrics on port %d", port())


def _forget(pid: int | None = None, **_: Any) -> None:
    multiprocess.mark_process_dead(pid or os.getpid())  # type: ignore[no-untyped-call]


def _close(**_: Any) -> None:
    if _server:
        _server.shutdown()
    shutil.rmtree(os.environ[DIRECTORY], ignore_errors=True)
