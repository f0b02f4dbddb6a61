"""What happens when a process, a worker or Redis goes away in the middle of a job."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.conftest import Capq, RedisServer, processes_of, start_worker, wait_until
from workers.ledger.job import State
from workers.ledger.ledger import Ledger

pytestmark = pytest.mark.faults


def _begin(capq: Capq, ledger: Ledger) -> str:
    """Start a job of a few seconds, and return it when its first shard is there."""
    out = capq.folder / "data"
    options = ("--shards", 40, "--per-shard", 1000, "--detach")
    job = capq("generate", *options, "--out", out).stdout.strip()
    wait_until(lambda: ledger.get(job).done >= 1, "a first shard")
    return job


def _ends_whole(capq: Capq, job: str) -> None:
    ended = capq.json("wait", job)
    assert (ended["state"], ended["done"], ended["counts"]["images"]) == ("done", 40, 40_000)
    capq("verify", capq.folder / "data", "--render")


def test_a_killed_process_costs_no_unit(capq: Capq, ledger: Ledger) -> None:
    worker = start_worker(capq)
    job = _begin(capq, ledger)
    os.kill(processes_of(worker["pid"])[1], 9)
    _ends_whole(capq, job)


def test_a_killed_worker_costs_no_unit(capq: Capq, ledger: Ledger) -> None:
    worker = start_worker(capq)
    job = _begin(capq, ledger)
    os.kill(worker["pid"], 9)
    assert ledger.get(job).state is State.RUNNING
    start_worker(capq)
    _ends_whole(capq, job)


def test_a_stopped_worker_ends_its_units_first(capq: Capq, ledger: Ledger) -> None:
    worker = start_worker(capq)
    job = _begin(capq, ledger)
    capq.processes[0].terminate()
    assert capq.processes[0].wait(60) == 0
    reached = ledger.get(job)
    assert reached.done < 40
    assert "r" not in ledger.marks(job)
    assert start_worker(capq)["pid"] != worker["pid"]
    _ends_whole(capq, job)


class TestRedis:
    """With a redis-server that only these tests use."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[RedisServer]:
        folder = tmp_path / "redis"
        folder.mkdir()
        found = RedisServer(folder)
        yield found
        found.close()

    @pytest.fixture
    def redis_url(self, server: RedisServer) -> str:
        return server.url

    def test_a_restart_costs_no_unit(self, capq: Capq, ledger: Ledger, server: RedisServer) -> None:
        start_worker(capq)
        job = _begin(capq, ledger)
        server.close()
        server.start()
        _ends_whole(capq, job)

    def test_a_redis_that_lost_everything_costs_the_record_only(
        self, capq: Capq, ledger: Ledger, client: redis.Redis
    ) -> None:
        worker = start_worker(capq)
        job = _begin(capq, ledger)
        os.kill(worker["pid"], 9)
        client.flushall()
        assert "capq jobs" in capq("status", job, code=2).stderr
        start_worker(capq)
        result = capq("generate", "--shards", 40, "--per-shard", 1000, "--out", capq.folder / "data")
        assert "of 40 shards already" in result.stderr
        capq("verify", capq.folder / "data")
