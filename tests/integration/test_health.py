"""What the health check of a container says of a real worker: busy is not dead."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Capq, RedisServer, start_worker, wait_until
from workers.process import health

SECONDS = 8.0


@pytest.fixture
def heartbeat(capq: Capq) -> Path:
    file = capq.folder / "heartbeat"
    capq.env["CAPQ_HEARTBEAT_FILE"] = str(file)
    return file


def _check(capq: Capq, seconds: float = SECONDS) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workers.process.health", str(seconds)],
        env=capq.env, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip


def _beats(file: Path, times: int) -> None:
    """Wait until the worker has renewed its heartbeat so often."""
    for _ in range(times):
        wait_until(partial(_differs, file, file.read_text()), "a heartbeat")


def _differs(file: Path, before: str) -> bool:
    return file.read_text() != before


def _standing_still(capq: Capq, worker: dict[str, Any]) -> bool:
    """Tell whether the worker's pool process stands still in its unit, as if that took for ever."""
    children = Path(f"/proc/{worker['pid']}/task/{worker['pid']}/children").read_text().split()
    return any(") T " in Path(f"/proc/{child}/stat").read_text() for child in children)


def test_a_worker_whose_unit_takes_long_is_healthy_and_one_that_stands_still_is_not(
    capq: Capq, heartbeat: Path
) -> None:
    capq.env["CAPQ_FAULT_POINT"] = "after-write"
    worker = start_worker(capq, processes=1)
    capq("generate", "--shards", 1, "--per-shard", 5, "--out", "data", "--detach")
    wait_until(lambda: _standing_still(capq, worker), "a unit that does not end")
    _beats(heartbeat, 3)
    assert _check(capq).returncode == 0
    os.kill(worker["pid"], signal.SIGSTOP)
    try:
        wait_until(lambda: _check(capq, 3).returncode, "a stale heartbeat")
        assert "the last heartbeat was" in _check(capq, 3).stderr
    finally:
        os.kill(worker["pid"], signal.SIGCONT)
    wait_until(lambda: not _check(capq, 3).returncode, "a heartbeat again")


def test_without_a_worker_it_says_why(capq: Capq, heartbeat: Path) -> None:
    assert "there is no heartbeat" in _check(capq).stderr
    del capq.env["CAPQ_HEARTBEAT_FILE"]
    answer = _check(capq)
    assert answer.returncode == 1
    assert f"{health.VARIABLE} is not set" in answer.stderr


@pytest.mark.faults
class TestWithoutRedis:
    @pytest.fixture
    def redis_url(self, server: RedisServer) -> str:
        return server.url

    def test_a_worker_that_waits_for_redis_is_healthy(
        self, capq: Capq, heartbeat: Path, server: RedisServer
    ) -> None:
        start_worker(capq, processes=1)
        server.kill()
        _beats(heartbeat, 40)  # for longer than an event loop may be busy
        assert _check(capq).returncode == 0
        server.start()
        wait_until(lambda: capq.json("workers"), "the worker's answer")
        assert _check(capq).returncode == 0
