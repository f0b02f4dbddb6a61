"""What a job's progress line says."""

import time
from typing import Any

import pytest

from cli.job.progress import describe
from workers.kinds.train import SpecSource, TrainRequest
from workers.ledger.job import Job, State

HOUR = 3600.0


@pytest.mark.parametrize(
    ("done", "total", "parts"),
    [(0, 1, ["0 of 1 shard", "waiting for a worker"]), (1, 2, ["1 of 2 shards", "1 image"])],
)
def test_one_is_no_plural(done: int, total: int, parts: list[str]) -> None:
    now = time.time()
    state = State.RUNNING if done else State.QUEUED
    job = Job(
        id="generate-1", kind="generate", request={}, state=state, total=total, done=done, dead=0,
        published=total, created=now, started=None, ended=None, counts={"images": 1} if done else {},
    )  # fmt: skip
    assert describe(job).split(", ")[:2] == parts


def _training(spent: float, **request: Any) -> Job:
    """A training that has been at work for two hours, its whole budget used up to the share `spent`."""
    found = TrainRequest(plan={}, source=SpecSource(spec={}), run="m.run", out="m", **request)  # type: ignore[arg-type]
    now = time.time()
    return Job(
        id="train-1", kind="train", request=found.model_dump(mode="json"), state=State.RUNNING, total=-1,
        done=3, dead=0, published=4, created=now - 3 * HOUR, started=now - 2 * HOUR, ended=None,
        latest={"spent": spent},
    )  # fmt: skip


def test_the_time_left_follows_from_what_this_job_has_done() -> None:
    assert "6 h 00 min left" in describe(_training(0.25))


def test_what_an_earlier_job_had_done_makes_a_resumed_one_no_faster() -> None:
    assert "1 h 00 min left" in describe(_training(0.9, from_spent=0.7))


def test_a_resumed_job_that_has_yet_to_begin_promises_nothing() -> None:
    assert "left" not in describe(_training(0.7, from_spent=0.7))
