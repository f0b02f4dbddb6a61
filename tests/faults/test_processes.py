"""Faults of processes, and of the machines that they run on."""

import os
import signal

import pytest

from tests.conftest import wait_until

from .case import FaultCase, Worker, for_kinds, stands_still


@for_kinds(quick=("generate",))
def test_pool_killed(case: FaultCase) -> None:
    """The processes of a worker's pool SIGKILLed"""
    case.capq.env["CAPQ_LEASE_SECONDS"] = "300"  # the parent tells of it, before the lease expires
    worker = case.start_worker()
    case.begin()
    case.kill_pool(worker)
    case.ends_whole()


@for_kinds()
def test_pool_killed_before_its_lease(case: FaultCase) -> None:
    """The process of a worker's pool SIGKILLed between taking a message and its lease"""
    case.capq.env["CAPQ_LEASE_SECONDS"] = "300"  # the parent sends the message again, before an audit does
    worker = case.start_worker(1, CAPQ_FAULT_POINT="before-lease")
    case.start()
    case.wait_until_standing(worker)
    case.kill_pool(worker)
    wait_until(lambda: _go_on(worker) or case.record.state.closed, "the end of the job")
    case.wait_until_tidy()
    case.kill(worker)  # which would stand still in the run to compare with, too
    case.ends_whole()


@for_kinds(quick=("generate",))
def test_machine_killed(case: FaultCase) -> None:
    """A worker SIGKILLed with its pool, beside another one"""
    dying = case.start_worker()
    case.begin()
    case.start_worker()
    case.kill(dying)
    case.ends_whole()


@for_kinds()
def test_all_killed(case: FaultCase) -> None:
    """All workers SIGKILLed, then new ones started"""
    workers = [case.start_worker(1), case.start_worker(1)]
    case.begin()
    for worker in workers:
        case.kill(worker)
    assert not case.record.state.closed
    case.start_worker()
    case.ends_whole()


@for_kinds()
def test_stopped_and_continued_after_the_end(case: FaultCase) -> None:
    """SIGSTOP for longer than the lease, SIGCONT after the end of the job"""
    stopped = case.start_worker()
    case.begin()
    stopped.signal(signal.SIGSTOP)
    case.start_worker()
    case.wait_until_tidy()
    case.goes_on(stopped)
    case.ends_whole()


@for_kinds()
def test_stopped_and_continued_in_the_middle(case: FaultCase) -> None:
    """SIGSTOP for longer than the lease, SIGCONT while another worker runs the units again"""
    stopped = case.start_worker()
    case.begin()
    stopped.signal(signal.SIGSTOP)
    held = case.leased()
    case.start_worker()
    wait_until(lambda: case.given_to_others(held), "a unit leased to the other worker")
    stopped.signal(signal.SIGCONT)
    case.wait_for_end()
    case.wait_until_acknowledged()
    case.ends_whole()


@for_kinds()
def test_drained(case: FaultCase) -> None:
    """TERM to a worker: its units end, and another worker goes on"""
    drained = case.start_worker()
    case.begin()
    drained.process.terminate()
    assert drained.process.wait(60) == 0
    assert not case.leased()
    assert "r" not in case.ledger.marks(case.job_id)
    case.start_worker()
    case.ends_whole()


def _go_on(worker: Worker) -> None:
    for pid in worker.standing():
        os.kill(pid, signal.SIGCONT)


POINTS = (
    *("before-lease", "after-write", "after-record", "before-acknowledge"),
    *("after-finish", "after-close"),
)


@pytest.mark.parametrize("point", POINTS)
@for_kinds()
def test_killed_at(case: FaultCase, point: str) -> None:
    """A worker SIGKILLed at the point {point}"""
    dying = case.start_worker(1, CAPQ_FAULT_POINT=point)
    case.start()
    case.wait_until_standing(dying)
    case.kill(dying)
    case.start_worker()
    case.ends_whole()


@pytest.mark.parametrize("point", ["after-write", "after-record", "after-finish"])
@for_kinds()
def test_stopped_at(case: FaultCase, point: str) -> None:
    """A worker that stands still at the point {point} until its twin has ended the job"""
    stopped = case.start_worker(1, CAPQ_FAULT_POINT=point)
    case.start()
    case.wait_until_standing(stopped)
    stopped.signal(signal.SIGSTOP)
    case.start_worker()
    case.wait_until_tidy()
    case.goes_on(stopped)
    case.ends_whole()


@for_kinds("generate", "evaluate", "train")
def test_publisher_killed(case: FaultCase) -> None:
    """The command SIGKILLed between sending messages and noting that they are sent, and not given again"""
    case.capq.env["CAPQ_FAULT_POINT"] = "after-send"
    command = case.capq.start(*case.job.command(case.inputs))
    del case.capq.env["CAPQ_FAULT_POINT"]
    wait_until(lambda: stands_still(command.pid), "the fault point")
    case.strike()
    command.kill()
    (record,) = case.ledger.jobs()
    case.job_id = record.id
    assert record.published == 0
    case.start_worker()
    case.ends_whole()
