"""What metrics cost in rendering: python benchmarks/metrics_cost.py

Shards are rendered as a worker does it, leased and recorded in a Redis, in turns with metrics and
with their functions replaced by ones that do nothing. With them, all is scraped once a shard too: more
often than Prometheus does it.
Printed are the ratio of the images a second, by the clock and of processor time, and what the calls
of a unit, and a scrape, take by themselves, which other programs on the machine hardly change.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

from exporter import start_server

from captcha_core import rendering
from captcha_core.datasets import Dataset, Plan
from captcha_core.spec import Spec

BAR = 0.99
SCRAPE_INTERVAL = 5
FUNCTIONS = ("unit_ended", "count_images", "batch_read", "images_expected", "message_dropped")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--images", type=int, default=5000, help="in a shard")
    arguments = parser.parse_args()
    rendering.warm()
    with tempfile.TemporaryDirectory() as folder:
        server, url = start_server(Path(folder))
        os.environ["CAPQ_REDIS_URL"] = url
        try:
            measure(Path(folder), arguments.pairs, arguments.images)
        finally:
            server.terminate()
            server.wait()


def measure(folder: Path, pairs: int, images: int) -> None:
    # Here, since they read the address of Redis when they are imported.
    from workers.kinds.generate import GenerateRequest
    from workers.ledger.ledger import process_ledger
    from workers.units import execution

    plan = Plan(spec=Spec(), shards=2 * pairs + 3, per_shard=images)
    out = str(folder / "data")
    Dataset.begin(out, plan)
    request = GenerateRequest(plan=plan, out=out).model_dump(mode="json")
    job = process_ledger().create("generate", request, total=plan.shards)
    units = iter(range(plan.shards - 1))  # the last one stays, so that nothing is put together

    def seconds(metrics: bool) -> tuple[float, float]:
        with scraped() if metrics else without_metrics():
            wall, cpu = time.perf_counter(), time.process_time()
            execution.run_unit("generate", job.id, next(units), "benchmark ")
            return time.perf_counter() - wall, time.process_time() - cpu

    seconds(True), seconds(False)
    calls, scrape = calls_seconds(), scrape_seconds()
    results = []
    for pair in range(pairs):
        order = (True, False) if pair % 2 else (False, True)
        timed = {metrics: seconds(metrics) for metrics in order}
        results.append((timed[True], timed[False]))
    for number, clock in enumerate(("by the clock", "of processor time")):
        report(clock, [(on[number], off[number]) for on, off in results], images)
    shard = statistics.median(off[1] for _, off in results)
    share = calls / shard + scrape / SCRAPE_INTERVAL
    print(
        f"of processor time: {calls * 1e6:.0f} µs for the calls of a unit, {calls / shard:.3%} of a shard of "
        f"{images:,} images; {scrape * 1e3:.1f} ms for a scrape, each {SCRAPE_INTERVAL} s; in all {share:.2%}"
    )


def calls_seconds(repeats: int = 2000) -> float:
    """Return the processor time that the metrics of one unit take."""
    from workers.process import metrics

    started_at = time.process_time()
    for _ in range(repeats):
        metrics.images_expected("rendered")
        metrics.unit_ended("generate", "done", 0.3)
        metrics.count_images("generate", "rendered", {"images": 1000})
        metrics.batch_read({}, {})
    return (time.process_time() - started_at) / repeats


def scrape_seconds(repeats: int = 50) -> float:
    """Return the processor time that a scrape takes."""
    started_at = time.process_time()
    for _ in range(repeats):
        with scraped():
            pass
    return (time.process_time() - started_at) / repeats


def report(clock: str, times: list[tuple[float, float]], images: int) -> None:
    with_metrics, without = (images / statistics.median(side) for side in zip(*times, strict=True))
    ratio = statistics.median(off / on for on, off in times)
    print(
        f"images a second {clock}: {with_metrics:,.0f} with metrics, {without:,.0f} without; "
        f"ratio {ratio:.4f} (the bar: over {BAR})"
    )


@contextmanager
def without_metrics() -> Iterator[None]:
    from workers.process import metrics

    with ExitStack() as replaced:
        for name in FUNCTIONS:
            replaced.enter_context(mock.patch.object(metrics, name, _nothing))
        yield


def _nothing(*_arguments: object) -> None:
    """Stand for a function that counts."""


@contextmanager
def scraped() -> Iterator[None]:
    """Have the metrics collected and written once while the block runs."""
    from prometheus_client import CollectorRegistry, generate_latest

    from workers.process.metrics_server import WorkerCollector

    registry = CollectorRegistry()
    registry.register(WorkerCollector())
    thread = threading.Thread(target=generate_latest, args=(registry,))
    thread.start()
    yield
    thread.join()


if __name__ == "__main__":
    main()
