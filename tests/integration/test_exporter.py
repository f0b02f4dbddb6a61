"""Metrics of workers whose processes die, and the exporter that outlives them."""

import json
import os
import urllib.request
from typing import Any

from tests.conftest import Capq, processes_of, start_worker, wait_until
from tests.monitoring.conftest import Exporter, start_exporter


def _generate(capq: Capq, name: str) -> None:
    options = ("--shards", 4, "--per-shard", 25, "--width", 100, "--height", 50)
    capq("generate", *options, "--out", capq.folder / name)


def _worker_samples(target: str) -> dict[str, float]:
    with urllib.request.urlopen(f"http://{target}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    parts = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in parts}


def _targets(exporter: Exporter) -> list[dict[str, Any]]:
    return list(json.loads(exporter.get("/sd")))


def test_nothing_is_lost_with_processes_and_workers(capq: Capq) -> None:
    exporter = start_exporter(capq)
    worker = start_worker(capq, processes=1)
    (target,) = wait_until(lambda: _targets(exporter), "the worker's announcement")
    assert target["labels"] == {"instance": "cpu-1", "worker": "cpu-1", "queue_name": "cpu"}
    address = target["targets"][0]
    _generate(capq, "first")
    assert _worker_samples(address)["capq_images_rendered_total"] == 100
    os.kill(processes_of(worker["pid"])[1], 9)
    _generate(capq, "second")
    samples = _worker_samples(address)
    assert samples["capq_images_rendered_total"] == 200
    assert samples['capq_unit_duration_seconds_count{kind="generate"}'] == 8
    os.kill(worker["pid"], 9)
    start_worker(capq, processes=1)
    _generate(capq, "third")
    samples = exporter.samples()
    assert samples['capq_ledger_images_total{kind="generate"}'] == 300
    assert samples['capq_ledger_units_total{kind="generate",outcome="done"}'] == 12
    assert samples['capq_jobs_ended_total{kind="generate",state="done"}'] == 3
    assert samples["capq_redis_up"] == 1
    wait_until(lambda: exporter.samples()['capq_workers{queue_name="cpu"}'] == 1, "the end of the killed one")
    assert "capq_messages_dropped_total" not in "".join(samples)


def test_a_worker_that_is_stopped_takes_its_leave(capq: Capq) -> None:
    exporter = start_exporter(capq)
    start_worker(capq, processes=1)
    wait_until(lambda: _targets(exporter), "the worker's announcement")
    capq.processes[-1].terminate()
    assert capq.processes[-1].wait(60) == 0
    wait_until(lambda: not _targets(exporter), "its leave", seconds=2)
