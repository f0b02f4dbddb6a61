"""What the ledger's scripts count, and what one scrape reads of it."""

import json
import time

import pytest
import redis

from workers.ledger.leases import unit_lease
from workers.ledger.ledger import Ledger
from workers.ledger.snapshot import SENT, KindFigures, Snapshot, SnapshotReader
from workers.ledger.worker_registry import WorkerRegistry
from workers.settings import Settings

DETAILS = {"host": "here", "processes": 2, "address": "10.0.0.1", "port": 9540}


@pytest.fixture
def reader(settings: Settings) -> SnapshotReader:
    return SnapshotReader(settings, ("cpu", "gpu"))


def _job(ledger: Ledger, kind: str = "solve", total: int = 4) -> str:
    return ledger.create(kind, {}, total=total).id


def test_units_are_told_by_state(ledger: Ledger, reader: SnapshotReader) -> None:
    job = _job(ledger, total=5)
    for unit in range(4):
        ledger.begin(job, unit, "w")
    ledger.record(job, 0, "w", counts={"images": 10})
    ledger.record_dead(job, 1, "w", "broken")
    ledger.delay(job, 2, "w", 60, "later")
    assert reader.read().kinds["solve"] == KindFigures(running=1, waiting=2, at_work=1, done=1, dead=1)


def test_a_chain_has_one_unit_outstanding(ledger: Ledger, reader: SnapshotReader) -> None:
    job = ledger.create("train", {}, total=-1, sequential=True).id
    assert reader.read().kinds["train"] == KindFigures(queued=1, waiting=1)
    ledger.begin(job, 0, "w")
    assert reader.read().kinds["train"] == KindFigures(running=1, at_work=1)
    ledger.record(job, 0, "w")
    assert reader.read().kinds["train"] == KindFigures(running=1, waiting=1, done=1)


def test_a_listing_counts_what_it_has_published(ledger: Ledger, reader: SnapshotReader) -> None:
    job = _job(ledger, total=-1)
    publisher = ledger.hold_publishing(job)
    assert publisher
    with publisher:
        ledger.advance_published(job, publisher.owner, 7)
    assert reader.read().kinds["solve"] == KindFigures(queued=1, waiting=7)


def test_sums_outlive_their_jobs(ledger: Ledger, reader: SnapshotReader, client: redis.Redis) -> None:
    for images in (10, 5):
        job = _job(ledger, total=1)
        ledger.begin(job, 0, "w")
        ledger.record(job, 0, "w", counts={"images": images, "kept": 2, "unreadable": 1})
        client.delete(*client.keys(f"*{job}*"))
    ledger.active()
    snapshot = reader.read()
    assert snapshot.total("count", "solve", "images") == 15
    assert snapshot.total("count", "solve", "kept") == 4
    assert snapshot.total("count", "solve", "unreadable") == 2
    assert snapshot.total("units", "solve", "done") == snapshot.total("created", "solve") == 2
    assert not snapshot.kinds


def test_a_record_that_comes_twice_counts_once(ledger: Ledger, reader: SnapshotReader) -> None:
    job = _job(ledger)
    ledger.begin(job, 0, "w")
    for owner in ("w", "w", "other"):
        ledger.record(job, 0, owner, counts={"images": 10})
    assert reader.read().total("count", "solve", "images") == 10
    assert reader.read().total("units", "solve", "done") == 1


def test_lost_workers_and_ended_jobs_are_counted(ledger: Ledger, reader: SnapshotReader) -> None:
    job = _job(ledger)
    ledger.begin(job, 0, "w")
    ledger.lose(job, 0, "w")
    ledger.expire(job, 0, 3)
    assert reader.read().total("expired", "solve") == 1
    assert reader.read().kinds["solve"].at_work == 0
    ledger.expire(job, 0, 3)  # a message that is owed is no worker that was lost
    assert reader.read().total("expired", "solve") == 1
    ledger.close(job, ledger.get(job).state.CANCELLED)
    ledger.close(job, ledger.get(job).state.FAILED)
    assert reader.read().total("ended", "solve", "cancelled") == 1
    assert reader.read().total("ended", "solve", "failed") == 0


def test_a_lease_that_is_taken_back_leaves_no_running_unit(
    ledger: Ledger, reader: SnapshotReader, client: redis.Redis
) -> None:
    job = _job(ledger)
    ledger.begin(job, 0, "w")
    assert client.smembers(ledger.leases.keys[2]) == {unit_lease(job, 0)}
    ledger.leave(job, 0, "w")
    assert not client.exists(ledger.leases.keys[2])


def test_the_queues_lengths_and_oldest_messages(
    reader: SnapshotReader, client: redis.Redis, settings: Settings
) -> None:
    now = time.time()
    for age in (30, 20, 10):
        client.lpush(f"{settings.key_prefix}:cpu", json.dumps({"headers": {SENT: now - age}}))
    client.lpush(f"{settings.key_prefix}:cpu\x06\x163", json.dumps({"headers": {SENT: now - 90}}))
    client.hset(f"{settings.key_prefix}:unacked", "tag", "message")
    snapshot = reader.read()
    assert snapshot.queues["cpu"].length == 4
    assert 90 <= snapshot.queues["cpu"].oldest_seconds < 95
    assert (snapshot.queues["gpu"].length, snapshot.queues["gpu"].oldest_seconds) == (0, 0)
    assert snapshot.unacknowledged == 1


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"headers": 1}',
        *(json.dumps({"headers": {SENT: sent}}) for sent in (None, "soon", [], float("nan"), 1e400, 1e12)),
        "[" * 100_000,
    ],
)
def test_any_entry_of_a_queue_is_counted_and_none_is_believed(
    entry: str, reader: SnapshotReader, client: redis.Redis, settings: Settings
) -> None:
    client.lpush(f"{settings.key_prefix}:cpu", entry)
    figures = reader.read().queues["cpu"]
    assert (figures.length, figures.oldest_seconds) == (1, 0)


class TestWorkers:
    @pytest.fixture
    def registry(self, client: redis.Redis, settings: Settings) -> WorkerRegistry:
        return WorkerRegistry(client, settings.key_prefix, settings.lease_seconds)

    def test_the_lowest_free_number_is_taken(self, registry: WorkerRegistry, reader: SnapshotReader) -> None:
        names = [registry.announce(f"node {number}", "cpu", DETAILS) for number in range(3)]
        assert names == ["cpu-1", "cpu-2", "cpu-3"]
        assert registry.announce("other", "gpu", DETAILS) == "gpu-1"
        registry.leave("node 1")
        assert registry.announce("node 2", "cpu", DETAILS) == "cpu-3"
        assert registry.announce("node 3", "cpu", DETAILS) == "cpu-2"
        assert [worker.name for worker in reader.workers()] == ["cpu-1", "cpu-2", "cpu-3", "gpu-1"]

    def test_a_silent_worker_is_gone(
        self, registry: WorkerRegistry, reader: SnapshotReader, client: redis.Redis
    ) -> None:
        registry.announce("dead", "cpu", DETAILS)
        client.zadd(registry.keys[0], {"dead": time.time() - 1})
        assert not reader.workers()
        assert registry.announce("new", "cpu", DETAILS) == "cpu-1"
        assert client.hkeys(registry.keys[1]) == ["new"]


def test_a_snapshot_of_an_empty_redis(reader: SnapshotReader) -> None:
    snapshot = reader.read()
    assert isinstance(snapshot, Snapshot)
    assert snapshot.memory_used > 0
    assert (snapshot.kinds, snapshot.workers, snapshot.totals) == ({}, [], {})
