"""A worker says every few seconds that it lives, so that others know of it without asking it."""

import logging
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

import redis
from celery import bootsteps

from ..app import QUEUES, app
from ..ledger.connection import connect
from ..ledger.worker_registry import WorkerRegistry
from ..settings import Settings, settings
from . import metrics_server

log = logging.getLogger(__name__)

_LEAVE_SECONDS = 2.0  # for which a worker that ends waits for Redis to note it
_BEATS = 4  # in the time after which a silent worker counts as gone
_ANY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 (compared with, not bound to)
_REDIS_PORT = 6379


class Presence(bootsteps.StartStopStep):  # type: ignore[misc]
    """The thread of a worker's parent; it goes on when Redis has been away."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, parent: Any) -> None:
        queues = [queue for queue in QUEUES if queue in app.amqp.queues.consume_from]
        if not queues:
            return
        details = {
            "host": socket.gethostname(),
            "processes": parent.concurrency,
            "address": address(settings()),
            "port": metrics_server.port() or 0,
        }
        arguments = (parent.hostname, queues[0], details)
        self._thread = threading.Thread(target=self._announce, args=arguments, name="presence", daemon=True)
        self._thread.start()

    def stop(self, parent: Any) -> None:
        self._ended.set()
        if self._thread:
            self._thread.join(_LEAVE_SECONDS)

    terminate = stop

    def _announce(self, node: str, queue: str, details: dict[str, Any]) -> None:
        seconds = settings().lease_seconds
        registry = WorkerRegistry(connect(settings()), settings().key_prefix, seconds)
        name = ""
        while not self._ended.is_set():
            try:
                before, name = name, registry.announce(node, queue, details)
                if name != before:
                    log.info("%s is the worker %s", node, name)
            except redis.RedisError as error:
                log.warning("Redis does not answer: %s", error)
            self._ended.wait(seconds / _BEATS)
        try:
            registry.leave(node)
        except redis.RedisError:
            log.info("Redis does not answer: it notices in %.0f s that this worker has ended", seconds)


def address(settings: Settings) -> str:
    """Return the address at which others reach this worker: that of its way to Redis, unless one is set."""
    if settings.metrics_address not in _ANY_ADDRESS:
        return settings.metrics_address
    target = urlsplit(settings.redis_url)
    try:
        family, kind, protocol, _, name = socket.getaddrinfo(
            target.hostname, target.port or _REDIS_PORT, type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(name)  # sends nothing: it only chooses the way
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()


def install() -> None:
    """Have each worker say that it lives."""
    app.steps["worker"].add(Presence)
