"""A job whose last worker is gone says so, instead of waiting without a word."""

import os
import signal

import pytest

from tests.conftest import Capq, processes_of, start_worker, wait_until


@pytest.mark.faults
def test_a_running_job_says_that_no_worker_is_left(capq: Capq) -> None:
    worker = start_worker(capq, processes=1)
    assert str(worker["metrics_port"]) in capq("workers").stdout.split()  # a name, with no comma in it
    log = capq.folder / "generate.log"
    capq.start("generate", "--shards", 500, "--per-shard", 1000, "--out", "data", log=log)
    wait_until(lambda: " of 500 shards, " in log.read_text() and "left" in log.read_text(), "the first shard")
    for pid in processes_of(worker["pid"]):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: "no worker listens on the queue 'cpu'" in log.read_text(), "the note")
    assert "start one with `capq worker cpu`" in log.read_text()
    (job,) = capq.json("jobs")
    assert job["state"] == "running"
    capq("cancel", job["id"])
