"""`capq exporter`: the ledger's figures for Prometheus."""

import signal
import threading

import click

from workers.exporter.server import Exporter
from workers.settings import settings

from ..terminal import say

DEFAULT_PORT = 9541


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port to serve on; 0 for any free one.",
)
def exporter(port: int) -> None:
    """Serve the figures of the ledger, the queues and Redis to Prometheus, until stopped.

    One exporter is enough for all workers of a Redis. It counts what every worker has done,
    those too that are gone, and tells Prometheus where the live ones are.

    \b
    /metrics     queues, jobs, units, images, workers, Redis
    /sd          the live workers, for http_sd_configs
    /-/healthy   whether the exporter runs

    It serves on CAPQ_METRICS_HOST; without CAPQ_REDIS_URL on this machine alone, where it
    starts no runtime. docs/monitoring.md explains each metric, and the alerts.
    """
    server = Exporter(settings(), settings().metrics_address, port)
    for name in (signal.SIGTERM, signal.SIGINT):
        # In a thread: `shutdown` waits for the loop that this handler interrupts.
        signal.signal(name, lambda *_: threading.Thread(target=server.shutdown).start())
    say(f"serving on http://{server.server_name}:{server.server_port}/metrics")
    with server:
        server.serve_forever(poll_interval=0.1)
