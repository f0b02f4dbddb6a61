"""Traces for OpenTelemetry: from a command over its units to the finish of its job.

They are off unless OpenTelemetry's own variables say where to send them, and the extra ``otel`` is
installed. A trace is sent by a thread, in batches: no unit waits for it, or fails with it.
"""

import atexit
import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import captcha_core

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
_GROUP = "opentelemetry_traces_exporter"  # of entry points, in which packages name their exporters
_SERVICE = "capq"

_providers: list[Any] = []


def configured() -> bool:
    """Tell whether traces are to be sent, by OpenTelemetry's variables; loads nothing of it."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporters = os.environ.get("OTEL_TRACES_EXPORTER", "")
    named = exporters not in ("", "none")
    endpoint = not exporters and any(os.environ.get(variable) for variable in _ENDPOINTS)
    return (named or endpoint) and importlib.util.find_spec("opentelemetry.sdk") is not None


def start() -> None:
    """Begin to send this process's traces, where they are configured; once a process."""
    if _providers or not configured():
        return
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    os.environ.setdefault("OTEL_SERVICE_NAME", _SERVICE)
    provider = TracerProvider(resource=Resource.create({"service.version": captcha_core.__version__}))
    for exporter in _exporters():
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    _providers.append(provider)
    atexit.register(stop)


def stop() -> None:
    """Send what has not been sent yet, for as long as the exporter's time limit, and end."""
    while _providers:
        _providers.pop().shutdown()


@contextmanager
def span(name: str, fields: Mapping[str, Any] | None = None) -> Iterator["Span | None"]:
    """Make the block a span, where this process sends traces.

    Parameters
    ----------
    fields
        Its attributes, each ``capq.`` and the name here.
    """
    if not _providers:
        yield None
        return
    from opentelemetry import trace

    with trace.get_tracer(_SERVICE).start_as_current_span(
        name, attributes=_attributes(fields or {})
    ) as begun:
        yield begun


def annotate(fields: Mapping[str, Any], error: BaseException | None = None) -> None:
    """Add attributes to the span that this thread is in, and the error with which it ends."""
    if not _providers:
        return
    from opentelemetry import trace

    current = trace.get_current_span()
    current.set_attributes(_attributes(fields))
    if error:
        current.record_exception(error)
        current.set_status(trace.Status(trace.StatusCode.ERROR, type(error).__name__))


def headers() -> dict[str, str]:
    """Return the headers of a message by which its task's span belongs to the present one."""
    if not _providers:
        return {}
    from opentelemetry import propagate

    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier


def install() -> None:
    """Have each pool process of a worker send traces: a span a task, by Celery's instrumentation."""
    if not configured() or importlib.util.find_spec("opentelemetry.instrumentation.celery") is None:
        return
    from celery import signals

    # In the pool's processes, since a thread that sends does not survive a fork.
    signals.worker_process_init.connect(_instrument, weak=False)
    signals.worker_process_shutdown.connect(_stop, weak=False)


def _instrument(**_: Any) -> None:
    from opentelemetry.instrumentation.celery import CeleryInstrumentor

    start()
    CeleryInstrumentor().instrument(skip_dep_check=True)


def _stop(**_: Any) -> None:
    stop()


def _exporters() -> Iterator[Any]:
    from importlib import metadata  # takes as long as a short command

    protocol = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    for name in (os.environ.get("OTEL_TRACES_EXPORTER") or "otlp").split(","):
        entry = _PROTOCOLS.get(protocol, protocol) if name.strip() == "otlp" else name.strip()
        for point in metadata.entry_points(group=_GROUP, name=entry):
            yield point.load()()


def _attributes(fields: Mapping[str, Any]) -> dict[str, Any]:
    plain = (str, bool, int, float)
    return {
        f"capq.{name}": value if isinstance(value, plain) else str(value) for name, value in fields.items()
    }
