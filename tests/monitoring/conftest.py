"""A whole deployment that Prometheus watches: Redis, workers, the exporter, and jobs that they did."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from captcha_core.datasets import Dataset, Plan
from captcha_core.spec import Spec
from tests.conftest import DEADLINE, Capq, RedisServer, clean_environment, processes_of, wait_until
from workers.ledger.ledger import Ledger
from workers.settings import Settings

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "prometheus"
LEASE_SECONDS = 3.0


@dataclass
class Exporter:
    """A `capq exporter` in a process of its own."""

    process: subprocess.Popen[str]
    port: int

    def get(self, path: str = "/metrics") -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return str(answer.read().decode())

    def samples(self) -> dict[str, float]:
        """Return the values of all series, by name and labels as they are written."""
        lines = (line.rpartition(" ") for line in self.get().splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}


def start_exporter(capq: Capq) -> Exporter:
    log = capq.folder / "exporter.log"
    process = capq.start("exporter", "--port", 0, log=log)
    serving = wait_until(lambda: re.search(r"http://[^:]+:(\d+)/", log.read_text()), "the exporter")
    return Exporter(process, int(serving[1]))


@dataclass
class Prometheus:
    """A Prometheus with capq's own configuration and rules, which scrapes each second."""

    process: subprocess.Popen[bytes]
    port: int

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series that an expression gives now, each with `metric` and `value`."""
        arguments = urllib.parse.urlencode({"query": expression})
        url = f"http://127.0.0.1:{self.port}/api/v1/query?{arguments}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            data = json.load(answer)["data"]
        assert data["resultType"] in ("vector", "scalar"), expression
        return list(data["result"])

    def value(self, expression: str) -> float:
        """Return the value of an expression that gives one series."""
        (series,) = self.query(expression)
        return float(series["value"][1])

    def ready(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5).close()
        except OSError:
            return False
        return True


def start_prometheus(folder: Path, exporter: Exporter) -> Prometheus:
    folder.mkdir()
    for file in CONFIGURATION.glob("*.yml"):
        text = file.read_text().replace("exporter:9541", f"127.0.0.1:{exporter.port}")
        (folder / file.name).write_text(re.sub(r"(_interval:) \d+s", r"\1 1s", text))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = shutil.which("prometheus")
    assert program, "Debian's package: apt-get install prometheus"
    options = {
        "config.file": folder / "prometheus.yml",
        "storage.tsdb.path": folder / "data",
        "web.listen-address": f"127.0.0.1:{port}",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *(f"--{name}={value}" for name, value in options.items())], stdout=log, stderr=log
        )
    prometheus = Prometheus(process, port)
    wait_until(prometheus.ready, "Prometheus")
    return prometheus


@dataclass
class Deployment:
    """What ran, and what it did as the ledger and the files say.

    Attributes
    ----------
    rendered, trained, solved, unreadable
        Images.
    """

    capq: Capq
    ledger: Ledger
    exporter: Exporter
    prometheus: Prometheus
    rendered: int = 0
    trained: int = 0
    solved: int = 0
    unreadable: int = 0

    def scraped(self) -> None:
        """Wait until everything has been scraped, and the rules evaluated, after now."""
        now = time.time()
        for series in ('up{job="capq"}', "capq_ledger_images_total", "kind:capq_ledger_images:rate10m"):
            wait_until(partial(self._after, f"min(timestamp({series}))", now), f"a scrape of {series}")

    def _after(self, expression: str, moment: float) -> bool:
        series = self.prometheus.query(expression)
        return bool(series) and float(series[0]["value"][1]) > moment


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Two cpu workers and a gpu worker that generate, train and read; one was killed and replaced."""
    folder = tmp_path_factory.mktemp("deployment")
    (folder / "redis").mkdir()
    server = RedisServer(folder / "redis")
    settings = Settings(redis_url=server.url, lease_seconds=LEASE_SECONDS)
    environment = clean_environment(
        CAPQ_REDIS_URL=server.url,
        CAPQ_LEASE_SECONDS=str(LEASE_SECONDS),
        CAPQ_SLICE_SECONDS="2",
        CAPQ_MAX_ATTEMPTS="2",
        CAPQ_HOME=str(folder / "home"),
    )
    capq = Capq(environment, folder)
    exporter = start_exporter(capq)
    prometheus = start_prometheus(folder / "prometheus", exporter)
    try:
        deployment = Deployment(capq, Ledger.open(settings), exporter, prometheus)
        _work(deployment)
        for _ in range(2):  # an increase takes two scrapes of a series, which may be new
            deployment.scraped()
        yield deployment
    finally:
        prometheus.process.terminate()
        prometheus.process.wait(30)
        capq.close()
        server.close()


def _work(deployment: Deployment) -> None:
    capq = deployment.capq
    workers = [_start_worker(capq, queue) for queue in ("cpu", "cpu", "gpu")]
    wait_until(lambda: len(deployment.prometheus.query('up{job="capq"} == 1')) == 3, "the workers' scrape")
    _generate_with_a_kill(deployment, workers[0])
    _generate_with_a_failure(deployment)
    options = ("--width", 60, "--height", 60, "--length", 1, "--charset", "01", "--per-shard", 100)
    capq("generate", "--shards", 12, *options, "--out", capq.folder / "small")
    deployment.rendered += len(Dataset.open(str(capq.folder / "small")))
    model = capq.folder / "model"
    trained = capq.json("train", capq.folder / "small", "--max-images", 1200, "--batch", 24, "--out", model)
    deployment.trained = trained["counts"]["images"]
    _read(deployment, model)


def _start_worker(capq: Capq, queue: str) -> subprocess.Popen[str]:
    return capq.start("worker", queue, "--processes", 1, log=capq.folder / f"{queue}.log")


def _generate_with_a_kill(deployment: Deployment, worker: subprocess.Popen[str]) -> None:
    """Render shards; in the middle a worker is killed, and another one is started."""
    capq, out = deployment.capq, deployment.capq.folder / "data"
    command = capq.start(
        "generate", "--shards", 40, "--per-shard", 500, "--out", out, log=capq.folder / "generate.log"
    )
    wait_until(lambda: _done(deployment) >= 2, "the first shards")
    wait_until(lambda: _killed_at_work(deployment, worker), "a unit of the worker's")
    assert _done(deployment) < 40
    _start_worker(capq, "cpu")
    assert command.wait(DEADLINE) == 0
    deployment.rendered += len(Dataset.open(str(out)))


def _killed_at_work(deployment: Deployment, worker: subprocess.Popen[str]) -> bool:
    """Kill a worker with its processes in the middle of a unit; False when it has none just now."""
    processes = processes_of(worker.pid)[1:]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    with redis.Redis.from_url(deployment.capq.env["CAPQ_REDIS_URL"], decode_responses=True) as client:
        owners = client.hvals(deployment.ledger.leases.keys[1])
    at_work = any(f" cpu-{worker.pid}-" in owner for owner in owners)
    if at_work:
        worker.kill()
    for process in processes:
        os.kill(process, signal.SIGKILL if at_work else signal.SIGCONT)
    return at_work


def _done(deployment: Deployment) -> int:
    return sum(job.done for job in deployment.ledger.jobs())


def _generate_with_a_failure(deployment: Deployment) -> None:
    """Render two shards; what stands in the way of one makes it fail twice."""
    out = deployment.capq.folder / "in-the-way"
    Dataset.begin(str(out), Plan(spec=Spec(), shards=2, per_shard=5))
    (out / "shard-000001.tar").mkdir()  # where a file of that name is to go
    options = ("--shards", 2, "--per-shard", 5, "--out", out)
    failed = deployment.capq.json("generate", *options, code=1)
    assert (failed["done"], failed["dead"]) == (1, 1)
    deployment.rendered += 5


def _read(deployment: Deployment, model: Path) -> None:
    """Read a folder of images, one of which is damaged."""
    folder, table = deployment.capq.folder / "images", deployment.capq.folder / "texts.csv"
    folder.mkdir()
    for number, sample in enumerate(Dataset.open(str(deployment.capq.folder / "small"))):
        (folder / f"{number:04}.png").write_bytes(sample.image)
    (folder / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n, and nothing more")
    deployment.capq("solve-dir", folder, "--checkpoint", model, "--out", table, code=None)
    rows = table.read_text().splitlines()[1:]
    deployment.solved = len(rows)
    deployment.unreadable = sum("damaged.png" in row for row in rows)
