"""Faults of commands: killed, interrupted and given again, at each stage of their jobs."""

import signal
import subprocess

import pytest
import redis

from tests.conftest import wait_until
from workers.ledger.ledger import Ledger

from .case import FaultCase, for_kinds, stands_still

_ENDINGS = {"SIGKILL": (signal.SIGKILL, -signal.SIGKILL), "Ctrl-C": (signal.SIGINT, 130)}
_AT_ONCE = 3

endings = pytest.mark.parametrize("ending", _ENDINGS)


@endings
@for_kinds()
def test_ended_while_it_publishes(case: FaultCase, ending: str) -> None:
    """{ending} for the command while it lists or publishes, and the same command again"""
    case.capq.env["CAPQ_FAULT_POINT"] = "after-send"
    command = _start(case)
    del case.capq.env["CAPQ_FAULT_POINT"]
    wait_until(lambda: stands_still(command.pid), "the fault point")
    _end(command, ending)
    case.start_worker()
    _again(case)
    case.ends_whole()


@endings
@for_kinds()
def test_ended_while_its_job_runs(case: FaultCase, ending: str) -> None:
    """{ending} for the command while its job runs, and the same command again"""
    case.start_worker()
    command = _start(case)
    case.job_id = wait_until(lambda: next((job.id for job in case.ledger.jobs()), ""), "the job")
    case.wait_for_middle()
    _end(command, ending)
    _again(case)
    case.ends_whole()


@endings
@for_kinds()
def test_ended_while_its_job_finishes(case: FaultCase, ending: str) -> None:
    """{ending} for the command while the results are put together, and the same command again"""
    worker = case.start_worker(1, CAPQ_FAULT_POINT="after-finish")
    command = _start(case)
    case.wait_until_standing(worker)
    _end(command, ending)
    worker.signal(signal.SIGCONT)
    _again(case)
    case.ends_whole()


@for_kinds()
def test_cancelled_and_retried(case: FaultCase) -> None:
    """`capq cancel` in mid-job and `capq retry` at once, three times"""
    case.start_worker()
    case.begin()
    case.capq("cancel", case.job_id)
    case.capq("retry", case.job_id, "--detach")
    for _ in range(_AT_ONCE - 1):
        case.capq("cancel", case.job_id, code=None)  # refused where the job has ended meanwhile
        case.capq("retry", case.job_id, "--detach", code=None)
    case.ends_whole()


@for_kinds()
def test_local_stop(case: FaultCase) -> None:
    """`capq local stop` in mid-job, then `capq wait`"""
    _use_the_embedded_runtime(case)
    try:
        case.begin()
        case.capq("local", "stop")
        case.capq("wait", case.job_id)
        case.ends_whole(metrics=False)
    finally:
        case.capq("local", "stop")


def _start(case: FaultCase) -> "subprocess.Popen[str]":
    return case.capq.start(*case.job.command(case.inputs))


def _end(command: "subprocess.Popen[str]", ending: str) -> None:
    """End a command that may stand still, and check its exit code."""
    number, code = _ENDINGS[ending]
    command.send_signal(number)
    command.send_signal(signal.SIGCONT)
    output, _ = command.communicate(timeout=60)
    assert command.returncode == code, output
    assert "Traceback" not in output


def _again(case: FaultCase) -> None:
    """Give the same command again; where it is refused, since its job goes on, that is the case's job."""
    (record,) = case.ledger.jobs()
    case.job_id = record.id
    if case.job.kind == "evaluate":  # which makes a job of its own each time
        return
    again = case.capq(*case.job.command(case.inputs), "--detach", code=None)
    if again.returncode == 0 and again.stdout.strip():
        case.job_id = again.stdout.strip()
    else:
        assert f"capq wait {record.id}" in again.stderr or record.state.closed, again


def _use_the_embedded_runtime(case: FaultCase) -> None:
    """Have the case's commands bring up a Redis and workers of their own."""
    del case.capq.env["CAPQ_REDIS_URL"]
    case.settings = case.settings.model_copy(update={"redis_url": ""})
    case.ledger = Ledger.open(case.settings)
    case.client = redis.Redis.from_url(case.settings.ledger_url, decode_responses=True)
