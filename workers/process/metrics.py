"""Figures for Prometheus: every pool process counts, the worker's parent serves the sums.

What each means is in docs/monitoring.md. Counting is a write to this process's own memory; where that
cannot be had, it is logged and the work goes on.
"""

import functools
import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import ParamSpec

from . import metric_files  # noqa: F401  # isort: skip  (before prometheus-client)

from billiard import current_process
from prometheus_client import Counter, Gauge, Histogram

log = logging.getLogger(__name__)

P = ParamSpec("P")

TRAINING_SECONDS = 300.0
"""For which the figures of a training are served after its last report."""

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160)
_STAGE_SECONDS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 40)
_IMAGES = (1, 8, 32, 128, 512, 1024, 2048, 4096, 10_000)

_unreadable = Counter("capq_images_unreadable_total", "Images that could not be read or decoded", ("reason",))
_units = Counter("capq_units_total", "Attempts at units by kind of job and outcome", ("kind", "outcome"))
_errors = Counter("capq_unit_errors_total", "Failed attempts by class of the error", ("kind", "error"))
_duration = Histogram("capq_unit_duration_seconds", "Time a unit took", ("kind",), buckets=_SECONDS)
_READ = "solved"
_STAGES = ("read", "decode", "network", "text", "write")

_stages = Histogram(
    "capq_batch_stage_duration_seconds",
    "Time a batch took in a stage, summed over threads",
    ("stage",),
    buckets=_STAGE_SECONDS,
)
_batch_images = Histogram("capq_batch_images", "Images of a unit", ("kind",), buckets=_IMAGES)
_leases_lost = Counter("capq_leases_lost_total", "Units given up because their lease was lost", ("kind",))
_dropped = Counter(
    "capq_messages_dropped_total", "Messages for which there was nothing to be done", ("reason",)
)
_model_loads = Counter("capq_model_loads_total", "Networks loaded")


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, ("process", *labels), multiprocess_mode="livemostrecent")


MODEL_INFO = "capq_model_info"
TRAINING = "capq_training_"
TRAINING_REPORTED = f"{TRAINING}reported_timestamp_seconds"
_model_info = _gauge(
    MODEL_INFO, "The network a process used last", "digest", "architecture", "engine", "device"
)
_loss = _gauge(f"{TRAINING}loss", "Mean loss over a training's last steps")
_rate = _gauge(f"{TRAINING}learning_rate", "Learning rate of a training")
_accuracy = _gauge(f"{TRAINING}accuracy_ratio", "Share of held-out images that a training reads right")
_speed = _gauge(f"{TRAINING}images_per_second", "Images a second of a training, within its slice")
_reported = _gauge(TRAINING_REPORTED, "When a training reported last")

_models: set[tuple[str, str, str, str]] = set()  # the one that this process shows


def _never_fails(count: Callable[P, None]) -> Callable[P, None]:
    """Have what a metric meets, such as a full disk, logged and passed over."""

    @functools.wraps(count)
    def counted(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            count(*args, **kwargs)
        except Exception:
            log.warning("a metric was not counted", exc_info=True)

    return counted


@_never_fails
def unit_ended(kind: str, outcome: str, seconds: float | None = None) -> None:
    """Count a unit: ``done``, ``retried``, ``dead`` or ``cancelled``; None seconds for one that was lost."""
    _units.labels(kind, outcome).inc()
    if seconds is not None:
        _duration.labels(kind).observe(seconds)


@_never_fails
def unit_failed(kind: str, error: str) -> None:
    """Count a failed attempt by the class of its error; '' for one that is none of capq's."""
    _errors.labels(kind, error or "other").inc()


@_never_fails
def lease_lost(kind: str) -> None:
    """Count a unit that was given up because its lease was lost."""
    _leases_lost.labels(kind).inc()


@_never_fails
def message_dropped(reason: str) -> None:
    """Count a message for which there was nothing to be done, such as a duplicate."""
    _dropped.labels(reason).inc()


@_never_fails
def images_expected(counted_as: str) -> None:
    """Have the counter of images served from 0 on, as a rate needs it, before a unit runs."""
    _images_counter(counted_as)
    if counted_as == _READ:
        for stage in _STAGES:
            _stages.labels(stage)


@functools.cache
def _images_counter(counted_as: str) -> Counter:
    """Return the counter of images that were ``rendered``, ``solved`` or whatever else a kind does."""
    return Counter(f"capq_images_{counted_as}_total", f"Images {counted_as}")


@_never_fails
def count_images(kind: str, counted_as: str, counts: Mapping[str, int]) -> None:
    """Count the images of a unit that ended well."""
    images = counts.get("images", 0) - counts.get("kept", 0)
    _images_counter(counted_as).inc(images)
    _batch_images.labels(kind).observe(images)


@_never_fails
def batch_read(stage_seconds: Mapping[str, float], unreadable: Mapping[str, int]) -> None:
    """Note how long a batch took in each stage, and how many of its images had which fault."""
    for stage, seconds in stage_seconds.items():
        _stages.labels(stage).observe(seconds)
    for reason, images in unreadable.items():
        _unreadable.labels(reason).inc(images)


@_never_fails
def training_at(loss: float, rate: float, speed: float) -> None:
    """Show where a training of this process is."""
    process = _process()
    _loss.labels(process).set(loss)
    _rate.labels(process).set(rate)
    _speed.labels(process).set(speed)
    _reported.labels(process).set(time.time())


@_never_fails
def slice_ended(loss: float | None, accuracy: float | None) -> None:
    """Show what a slice of training has reached."""
    process = _process()
    if loss is not None:
        _loss.labels(process).set(loss)
    if accuracy is not None:
        _accuracy.labels(process).set(accuracy)
    _reported.labels(process).set(time.time())


@_never_fails
def training_diverged() -> None:
    """Show a loss that is no longer finite, which ends the training."""
    process = _process()
    _loss.labels(process).set(math.nan)
    _reported.labels(process).set(time.time())


@_never_fails
def model_loaded() -> None:
    """Count a network that was loaded."""
    _model_loads.inc()


@_never_fails
def model_used(digest: str, architecture: str, engine: str, device: str) -> None:
    """Show the network that this process uses now, in place of the one before."""
    model = (digest[:12], architecture, engine, device)
    for other in _models - {model}:
        _model_info.labels(_process(), *other).set(0)
    if model not in _models:
        _model_info.labels(_process(), *model).set(1)
    _models.clear()
    _models.add(model)


def _process() -> str:
    """Return this process's number in its pool."""
    return str(getattr(current_process(), "index", None) or 0)
