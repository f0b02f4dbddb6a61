"""The exporter's HTTP server: `/metrics`, `/sd`, `/-/healthy`."""

import json
import logging
import socket
import socketserver
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import redis
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from ..app import QUEUES
from ..kinds import KINDS
from ..ledger.snapshot import SnapshotReader
from ..ledger.worker_registry import LiveWorker
from ..process.build_info import build_info
from ..settings import Settings
from . import families

log = logging.getLogger(__name__)

_IDLE_SECONDS = 120  # after which a connection without requests is closed
_TEXT = "text/plain; charset=utf-8"
_INDEX = """capq exporter
/metrics     figures of the ledger, the queues and Redis, for Prometheus
/sd          the live workers, as Prometheus' http_sd_configs read them
/-/healthy   whether this exporter runs
"""


class LedgerCollector(Collector):
    """Reads the ledger at each scrape; a Redis that does not answer is a figure too."""

    def __init__(self, reader: SnapshotReader) -> None:
        self._reader = reader
        self._names = families.Names(tuple(KINDS), QUEUES)

    def collect(self) -> Iterator[Metric]:
        yield build_info()
        try:
            snapshot = self._reader.read()
        except redis.RedisError as error:
            log.warning("Redis does not answer: %s", error)
            yield families.redis_up(False)
            return
        yield families.redis_up(True)
        yield from families.families(snapshot, self._names)


def targets(workers: list[LiveWorker]) -> list[dict[str, object]]:
    """Return workers in the form of Prometheus' HTTP service discovery."""
    return [
        {
            "targets": [f"{_host(worker.address)}:{worker.port}"],
            "labels": {"instance": worker.name, "worker": worker.name, "queue_name": worker.queue},
        }
        for worker in workers
        if worker.port
    ]


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


class Exporter(ThreadingHTTPServer):
    """Serves until it is shut down.

    Parameters
    ----------
    settings
        Which Redis to read.
    host, port
        Where to serve; port 0 for any free one.
    """

    daemon_threads = True

    def __init__(self, settings: Settings, host: str, port: int) -> None:
        self.reader = SnapshotReader(settings, QUEUES)
        self.collector = LedgerCollector(self.reader)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        # Not the base class's, which asks the name server for this machine's name.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: Exporter
    protocol_version = "HTTP/1.1"
    server_version = "capq"
    sys_version = ""
    timeout = _IDLE_SECONDS
    wbufsize = -1  # head and body in one packet: a second one would wait 40 ms for the first's receipt
    _routes: ClassVar[dict[str, str]] = {
        "/": "_index",
        "/metrics": "_metrics",
        "/sd": "_targets",
        "/-/healthy": "_healthy",
    }

    def do_GET(self) -> None:
        route = self._routes.get(self.path.partition("?")[0])
        if route is None:
            self._answer(404, _TEXT, b"no such page\n")
            return
        getattr(self, route)()

    def _index(self) -> None:
        self._answer(200, _TEXT, _INDEX.encode())

    def _healthy(self) -> None:
        self._answer(200, _TEXT, b"capq exporter is healthy\n")

    def _metrics(self) -> None:
        encode, content_type = choose_encoder(self.headers.get("Accept", ""))
        self._answer(200, content_type, encode(self.server.collector))

    def _targets(self) -> None:
        try:
            workers = targets(self.server.reader.workers())
        except redis.RedisError as error:  # Prometheus keeps the targets that it has
            log.warning("Redis does not answer: %s", error)
            self._answer(503, _TEXT, b"Redis does not answer\n")
            return
        self._answer(200, "application/json", json.dumps(workers).encode())

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Log no request: there is one every few seconds."""
