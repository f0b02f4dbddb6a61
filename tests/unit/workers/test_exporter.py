"""The exporter's pages, over HTTP."""

import json
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from workers.exporter.server import Exporter, targets
from workers.ledger.ledger import Ledger
from workers.ledger.worker_registry import LiveWorker, WorkerRegistry
from workers.settings import Settings


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    with Exporter(settings, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def test_figures_are_served_for_every_kind_and_queue(settings: Settings, ledger: Ledger) -> None:
    job = ledger.create("generate", {}, total=2).id
    ledger.begin(job, 0, "w")
    ledger.record(job, 0, "w", counts={"images": 50})
    with serving(settings) as url:
        lines = _get(f"{url}/metrics").splitlines()
    for line in (
        "capq_redis_up 1.0",
        'capq_ledger_images_total{kind="generate"} 50.0',
        'capq_ledger_images_total{kind="evaluate"} 0.0',
        'capq_units{kind="generate",state="waiting"} 1.0',
        'capq_units{kind="generate",state="done"} 1.0',
        'capq_jobs{kind="generate",state="running"} 1.0',
        'capq_queue_length{queue_name="gpu"} 0.0',
        'capq_workers{queue_name="cpu"} 0.0',
    ):
        assert line in lines
    assert job not in "".join(lines)


def test_without_redis_a_scrape_says_so() -> None:
    with serving(Settings(redis_url="redis://127.0.0.1:1/0")) as url:
        text = _get(f"{url}/metrics")
        assert "capq_redis_up 0.0" in text
        assert "capq_queue_length" not in text
        assert "healthy" in _get(f"{url}/-/healthy")
        with pytest.raises(urllib.error.HTTPError, match="503"):
            _get(f"{url}/sd")


def test_other_pages_are_not_found(settings: Settings) -> None:
    with serving(settings) as url:
        assert "/metrics" in _get(url)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            _get(f"{url}/other")


def test_workers_are_told_as_prometheus_discovers_them(settings: Settings, ledger: Ledger) -> None:
    registry = WorkerRegistry(ledger._redis, settings.key_prefix, 60)  # its connection alone
    registry.announce("node", "cpu", {"host": "h", "processes": 1, "address": "10.0.0.7", "port": 9540})
    with serving(settings) as url:
        assert json.loads(_get(f"{url}/sd")) == [
            {
                "targets": ["10.0.0.7:9540"],
                "labels": {"instance": "cpu-1", "worker": "cpu-1", "queue_name": "cpu"},
            }
        ]


def test_an_ipv6_address_is_bracketed_and_a_worker_without_metrics_left_out() -> None:
    worker = LiveWorker(node="a", queue="gpu", number=2, host="h", processes=1, address="fd00::1", port=9540)
    silent = LiveWorker(node="b", queue="gpu", number=3, host="h", processes=1, address="fd00::1", port=0)
    assert [target["targets"] for target in targets([worker, silent])] == [["[fd00::1]:9540"]]


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_names_keep_prometheus_rules(settings: Settings) -> None:
    with serving(settings) as url:
        text = _get(f"{url}/metrics")
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
