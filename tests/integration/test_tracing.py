"""A trace of a real job, received as OpenTelemetry's collector would receive it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.conftest import Capq, start_worker, wait_until
from workers.process import tracing

pytest.importorskip("opentelemetry.instrumentation.celery", reason="the extra otel is not installed")
trace_service_pb2 = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")


class Collector:
    """Receives traces by OTLP over HTTP.

    Attributes
    ----------
    spans
        All that have come, of all processes.
    services
        The names of the services that sent them.
    """

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.services: set[str] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.receive(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing: the test's output is its own."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def receive(self, body: bytes) -> None:
        request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            named = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
            self.services.add(named["service.name"])
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def collector() -> Iterator[Collector]:
    received = Collector()
    yield received
    received.server.shutdown()
    received.server.server_close()


def _attributes(span: Any) -> dict[str, Any]:
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in span.attributes}


def test_a_trace_goes_from_the_command_over_its_units_to_the_finish(capq: Capq, collector: Collector) -> None:
    capq.env |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    start_worker(capq, processes=1)
    job = capq.json("generate", "--shards", 3, "--per-shard", 5, "--out", "data")["id"]
    (finish,) = wait_until(lambda: collector.named("run/capq.job.finish"), "the finish's span")
    units = wait_until(
        lambda: len(found := collector.named("run/capq.generate.shard")) == 3 and found, "the units' spans"
    )
    (command,) = wait_until(lambda: collector.named("capq generate"), "the command's span")
    assert {span.trace_id for span in (*units, finish)} == {command.trace_id}
    assert not command.parent_span_id
    by_id = {span.span_id: span for span in collector.spans}
    for span in (*units, finish):
        ancestors = []
        while span.parent_span_id:
            span = by_id[span.parent_span_id]  # noqa: PLW2901 (upwards)
            ancestors.append(span.name)
        assert ancestors[-1] == "capq generate"
        assert "publish" in ancestors
    fields = [_attributes(span) for span in units]
    assert {field["capq.job"] for field in fields} == {job}
    assert sorted(field["capq.unit"] for field in fields) == [0, 1, 2]
    assert {field["capq.outcome"] for field in fields} == {"done"}
    assert {field["capq.images"] for field in fields} == {5}
    assert collector.services == {"capq"}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, False),
    ],
)
def test_traces_are_off_unless_configured(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: bool
) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert tracing.configured() is expected


@pytest.mark.slow
def test_a_collector_that_is_not_there_costs_a_job_nothing_but_its_trace(capq: Capq) -> None:
    capq.env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    start_worker(capq, processes=1)
    job = capq.json("generate", "--shards", 2, "--per-shard", 5, "--out", "data")
    assert (job["state"], job["done"]) == ("done", 2)
    assert capq.json("logs", job["id"])["entries"] == []
