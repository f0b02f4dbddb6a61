"""Celery's events, which Flower and celery-exporter listen to."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Capq, start_worker, wait_until

DUMP = (sys.executable, "-m", "celery", "-A", "workers.app", "events", "--dump")


@pytest.fixture
def events(capq: Capq, client: Any, settings: Any) -> Path:
    """The file to which Celery's own command writes each event that it hears, a line each."""
    log = capq.folder / "events.log"
    with log.open("w") as output:
        process = subprocess.Popen(DUMP, env=capq.env, cwd=capq.folder, stdout=output, text=True)
    capq.processes.append(process)
    wait_until(lambda: client.keys(f"{settings.key_prefix}:_kombu.binding.celeryev"), "the listener")
    return log


def test_it_is_told_what_was_sent_where_and_how_it_ended(capq: Capq, events: Path) -> None:
    capq.env["CAPQ_TASK_EVENTS"] = "1"
    start_worker(capq)
    capq("generate", "--shards", 2, "--per-shard", 5, "--out", capq.folder / "data")
    ends = r"task succeeded: capq\.job\.finish"
    wait_until(lambda: re.search(ends, events.read_text()), "the events of the last task")
    text = events.read_text()
    for kind in ("sent", "received", "started", "succeeded"):
        assert len(re.findall(rf"task {kind}: capq\.generate\.shard", text)) == 2, text
    assert len(re.findall(r"task sent: capq\.\S+ .*\bqueue=cpu\b", text)) == 3, text


def test_nothing_is_told_unasked(capq: Capq, events: Path) -> None:
    first, later = (capq.folder / name for name in ("first", "later"))
    capq("generate", "--shards", 1, "--per-shard", 5, "--out", first, "--detach")
    capq.env["CAPQ_TASK_EVENTS"] = "1"
    job = capq("generate", "--shards", 1, "--per-shard", 5, "--out", later, "--detach").stdout.strip()
    wait_until(lambda: job in events.read_text(), "the event of the later message")
    assert events.read_text().count("capq.generate.shard") == 1
