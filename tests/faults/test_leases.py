"""How soon a lost worker is noticed by default, and that a long unit is not taken for one."""

import time
from collections.abc import Callable

import pytest

from tests.conftest import wait_until

from .case import FaultCase, for_kinds

NOTICED_SECONDS = 20.0


@for_kinds()
def test_noticed_by_default(case: FaultCase, record_property: Callable[[str, object], None]) -> None:
    """A worker SIGKILLed with its pool, default settings: its units at work again"""
    del case.capq.env["CAPQ_LEASE_SECONDS"]
    dying, other = case.start_worker(1), case.start_worker(1)
    wait_until(lambda: dying.said(" ready.") and other.said(" ready."), "both workers")
    case.begin()
    wait_until(lambda: case.leased_by(dying), "units of the worker that dies")
    case.kill(dying)
    case.strike()
    lost = case.leased_by(dying)
    assert lost
    wait_until(lambda: case.given_to_others(lost), "the lost units at work again")
    noticed = time.monotonic() - case.struck_at
    record_property("noticed", noticed)
    assert noticed < NOTICED_SECONDS
    case.ends_whole()


@pytest.mark.faults
@pytest.mark.parametrize("kind", ["generate"])
def test_a_long_unit_is_no_lost_one(case: FaultCase) -> None:
    """A unit of six leases, longer than Celery's timeout"""
    case.capq.env |= {"CAPQ_LEASE_SECONDS": "1", "CAPQ_VISIBILITY_TIMEOUT": "5"}
    worker = case.start_worker(2)
    size = ("--per-shard", 10_000, "--width", 700, "--height", 300)
    case.job_id = case.capq("generate", "--shards", 1, *size, "--out", "data", "--detach").stdout.strip()
    record = case.wait_until_tidy()
    assert record.started
    assert record.ended
    assert record.ended - record.started > 6
    assert record.counts["images"] == 10_000
    assert not worker.said("attempt")
    assert not worker.said("sent again")
    assert not case.client.exists(f"{case.settings.key_prefix}:job:{case.job_id}:attempts")
