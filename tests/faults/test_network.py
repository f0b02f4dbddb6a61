"""A worker at the far end of a link that is cut, slow or lossy."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import LEASE_SECONDS, RedisServer, wait_until

from . import network
from .case import FaultCase, Worker, elapse, for_kinds
from .network import Link

_LONG_CUT = 40.0


@pytest.fixture
def link() -> Iterator[Link]:
    reason = network.unavailable()
    if reason:
        pytest.skip(reason)
    with network.link() as made:
        yield made


@pytest.fixture
def server(link: Link, tmp_path: Path) -> Iterator[RedisServer]:
    """A redis-server that listens at the link as well."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with_server = RedisServer(folder, link.here)
    yield with_server
    with_server.close()


def _start_remote_worker(case: FaultCase, link: Link) -> Worker:
    """Start a worker in the link's namespace; it shares the folders, as over a file server that stays."""
    log = case.folder.parent / "remote-worker.log"
    command = [sys.executable, "-m", "cli", "worker", case.job.queue, "--processes", "1"]
    with log.open("w") as output:
        process = subprocess.Popen(
            ["ip", "netns", "exec", link.namespace, *command],
            env=case.capq.env | {"CAPQ_REDIS_URL": case.server.outer_url},
            cwd=case.folder, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    case.workers.append(Worker(process, log))
    return case.workers[-1]


@for_kinds()
def test_cut_off_for_longer_than_the_lease(case: FaultCase, link: Link) -> None:
    """A worker's link cut for twice its lease, then restored; another worker is there"""
    remote = _start_remote_worker(case, link)
    case.begin()
    link.cut()
    case.start_worker()
    elapse(LEASE_SECONDS * 2)
    assert link.lost
    link.restore()
    case.ends_whole()
    assert remote.process.poll() is None


@pytest.mark.slow
@for_kinds()
def test_only_worker_cut_off(case: FaultCase, link: Link) -> None:
    """The only worker's link cut for 40 s, then restored"""
    remote = _start_remote_worker(case, link)
    case.begin()
    link.cut()
    elapse(_LONG_CUT)
    link.restore()
    case.ends_whole()
    assert remote.process.poll() is None


@for_kinds()
def test_slow_and_lossy_link(case: FaultCase, link: Link) -> None:
    """A link of 100 ms that loses 2 % of the packets"""
    link.delay, link.loss = 0.1, 0.02
    _start_remote_worker(case, link)
    case.begin()
    wait_until(lambda: link.lost, "a lost packet")
    case.ends_whole()
