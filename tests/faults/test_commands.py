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
    _again(case)
    case.start_worker()
    case.ends_whole()


@endings
@for_kinds()
def test_ended_while_its_job_runs(case: FaultCase, ending: str) -> None:
    """{ending} for the command while its job runs, and the same command again"""
    worker = case.start_worker()
    command = _start(case)
    case.job_id = wait_until(lambda: next((job.id for job in case.ledger.jobs()), ""), "the job")
    case.wait_for_middle()
    _end(command, ending)
    with worker.standing_still():  # so that the job does not end before the command is there
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
    _again(case)
    case.kill(worker)
    case.start_worker()
    case.ends_whole()


@for_kinds()
def test_cancelled_and_retried(case: FaultCase) -> None:
    """`capq cancel` in mid-job and `capq retry` at once, three times"""
    worker = case.start_worker()
    case.begin()
    with worker.standing_still():
        for _ in range(_AT_ONCE):
            case.capq("cancel", case.job_id)
            case.capq("retry", case.job_id, "--detach")
    case.ends_whole()


@for_kinds("generate", "solve")
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
    """Give the same command again: it goes on with what was cut short, or names the job that is at work."""
    (record,) = case.ledger.jobs()
    case.job_id = record.id
    if case.job.kind == "evaluate":  # which makes a job of its own each time
        return
    again = case.capq(*case.job.command(case.inputs), "--detach", code=None)
    if record.total < 0 and case.job.kind == "solve":
        assert again.returncode == 0, again.stderr
        case.job_id = again.stdout.strip()
    else:
        assert again.returncode == 2, again.stderr
        # Of a training, the unfinished run is met before the job that is at work on it.
        assert any(advice in again.stderr for advice in (f"capq wait {record.id}", "--resume")), again.stderr


def _use_the_embedded_runtime(case: FaultCase) -> None:
    """Have the case's commands bring up a Redis and workers of their own."""
    del case.capq.env["CAPQ_REDIS_URL"]
    case.settings = case.settings.model_copy(update={"redis_url": ""})
    case.ledger = Ledger.open(case.settings)
    case.client = redis.Redis.from_url(case.settings.ledger_url, decode_responses=True)
