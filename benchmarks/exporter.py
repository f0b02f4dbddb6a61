"""What a scrape of `capq exporter` costs with a full ledger: python benchmarks/exporter.py

A Redis of its own gets 1,000 open jobs of 10,000 units, and long queues; then the exporter is scraped
as Prometheus does it. Printed are the times of a scrape by the clock and of the processors, which
other programs do not lengthen, and the exporter's memory as it goes on.
"""

import argparse
import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import redis

from workers.embedded import servers
from workers.kinds import KINDS
from workers.ledger.ledger import Ledger
from workers.ledger.snapshot import SENT
from workers.settings import Settings

BAR_SECONDS = 0.05
WORKERS = 200  # units at work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--scrapes", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server, url = start_server(Path(folder))
        try:
            fill(Settings(redis_url=url), arguments.jobs, arguments.units)
            measure(url, arguments.scrapes, server.pid)
        finally:
            server.terminate()
            server.wait()


def start_server(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start a Redis of this benchmark's own, and return it with its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {"port": str(port), "bind": "127.0.0.1", "dir": str(folder), "save": ""}
    command = [
        servers.find().program,
        *(text for name, value in options.items() for text in (f"--{name}", value)),
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    while not answers(url):
        time.sleep(0.05)
    return server, url


def answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


def fill(settings: Settings, jobs: int, units: int) -> None:
    """Make open jobs, half of whose units are done, and the messages of the others."""
    ledger = Ledger.open(settings)
    kinds = list(KINDS)
    with redis.Redis.from_url(settings.redis_url) as client:
        message = json.dumps({"headers": {SENT: time.time()}, "body": "x" * 600})
        for number in range(jobs):
            job = ledger.create(kinds[number % len(kinds)], {}, total=units)
            client.set(f"capq:job:{job.id}:units", "d" * (units // 2) + "." * (units - units // 2))
            figures = {"state": "running", "done": units // 2, "published": units}
            client.hset(f"capq:job:{job.id}", mapping=figures)
            if number < WORKERS:
                ledger.begin(job.id, units - 1, f"worker {number}")
        for queue in ("cpu", "gpu"):
            client.lpush(f"capq:{queue}", *[message] * 50_000)
    print(f"{jobs:,} open jobs of {units:,} units, {min(WORKERS, jobs)} at work, 100,000 messages")


def measure(url: str, scrapes: int, server: int) -> None:
    exporter = subprocess.Popen(
        [sys.executable, "-m", "cli", "exporter", "--port", "0"],
        env=os.environ | {"CAPQ_REDIS_URL": url, "CAPQ_METRICS_HOST": "127.0.0.1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert exporter.stdout
        serving = re.search(r":(\d+)/", exporter.stdout.readline())
        assert serving
        connection = http.client.HTTPConnection("127.0.0.1", int(serving[1]))
        scrape(connection)
        for _ in range(100):
            scrape(connection)
        spent = processor_seconds(exporter.pid), processor_seconds(server)
        before, times = resident(exporter.pid), []
        for number in range(1, scrapes + 1):
            times.append(scrape(connection))
            if number % max(1, scrapes // 5) == 0:
                print(f"after {number:>6,} scrapes: {resident(exporter.pid) / 1e6:.1f} MB", flush=True)
        print(f"growth: {(resident(exporter.pid) - before) / 1e6:+.1f} MB of {before / 1e6:.1f} MB")
        report(times)
        exporter_spent = (processor_seconds(exporter.pid) - spent[0]) / scrapes
        server_spent = (processor_seconds(server) - spent[1]) / scrapes
        print(
            f"processor time of a scrape: exporter {exporter_spent * 1e3:.1f} ms, "
            f"Redis {server_spent * 1e3:.1f} ms"
        )
    finally:
        exporter.terminate()
        exporter.wait()


def scrape(connection: http.client.HTTPConnection) -> float:
    """Return the seconds that one scrape takes."""
    started_at = time.perf_counter()
    connection.request("GET", "/metrics")
    body = connection.getresponse().read()
    seconds = time.perf_counter() - started_at
    assert b"capq_redis_up 1.0" in body
    return seconds


def report(times: list[float]) -> None:
    quantiles = statistics.quantiles(times, n=100)
    verdict = "within" if quantiles[98] <= BAR_SECONDS else "over"
    print(
        f"{len(times):,} scrapes: median {quantiles[49] * 1e3:.1f} ms, 99 % {quantiles[98] * 1e3:.1f} ms, "
        f"longest {max(times) * 1e3:.1f} ms ({verdict} {BAR_SECONDS * 1e3:.0f} ms)"
    )


def processor_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(process: int) -> int:
    """Return the bytes of memory that a process has."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
