"""Faults of Redis."""

from .case import FaultCase, elapse, for_kinds


@for_kinds(quick=("generate",))
def test_killed(case: FaultCase) -> None:
    """Redis SIGKILLed, and started again with its append-only file"""
    case.start_worker()
    case.begin()
    case.server.kill()
    case.server.start()
    case.ends_whole()


@for_kinds()
def test_gone_for_longer_than_the_lease(case: FaultCase) -> None:
    """Redis away for twice the time of a lease"""
    case.start_worker()
    case.begin()
    case.server.close()
    elapse(2 * case.settings.lease_seconds)
    case.server.start()
    case.ends_whole()


@for_kinds()
def test_gone_for_a_minute(case: FaultCase) -> None:
    """Redis away for a minute"""
    case.start_worker()
    case.begin()
    case.server.close()
    elapse(60)
    case.server.start()
    case.ends_whole()


@for_kinds(quick=("generate",))
def test_emptied(case: FaultCase) -> None:
    """Redis emptied (FLUSHALL), and the same command again"""
    case.start_worker()
    case.begin()
    case.client.flushall()
    case.start(again=True)
    case.ends_whole(metrics=False)


@for_kinds()
def test_emptied_with_all_workers_killed(case: FaultCase) -> None:
    """Redis emptied, all workers SIGKILLed, and the same command again"""
    worker = case.start_worker()
    case.begin()
    case.kill(worker)
    case.client.flushall()
    assert "capq jobs" in case.capq("status", case.job_id, code=2).stderr
    case.start_worker()
    case.start(again=True)
    case.ends_whole(metrics=False)


@for_kinds()
def test_out_of_memory(case: FaultCase) -> None:
    """Redis out of memory (noeviction) for longer than the lease"""
    case.start_worker()
    case.begin()
    case.client.config_set("maxmemory-policy", "noeviction")
    case.client.config_set("maxmemory", 1)
    refusal = case.capq("generate", "--shards", 1, "--out", case.folder.parent / "other", code=2).stderr
    assert "out of memory" in refusal
    elapse(case.settings.lease_seconds + 1)
    case.client.config_set("maxmemory", 0)
    case.ends_whole()
