"""Faults of an object store that a dataset goes to."""

import logging
from collections.abc import Iterator

import pytest

from captcha_core.datasets import Dataset
from captcha_core.datasets.verification import verify
from tests.conftest import wait_until
from tests.stores.object_store import BUCKET, ObjectStore, needs_store
from workers.ledger.job import State

from .case import FaultCase, elapse, for_kinds

_URL = f"s3://{BUCKET}/data"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A store with a bucket, which this process finds as well."""
    needs_store()
    import fsspec

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    made = ObjectStore()
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()  # of another test's store
    bucket = fsspec.filesystem("s3")
    bucket.mkdir(BUCKET)
    yield made
    bucket.rm(BUCKET, recursive=True)
    made.close()


def _start(case: FaultCase, store: ObjectStore) -> None:
    case.capq.env |= store.environment
    *arguments, _ = case.job.arguments
    case.job_id = case.capq(*arguments, _URL, "--detach").stdout.strip()


def _audit(case: FaultCase) -> None:
    """Audit the dataset in the store against an undisturbed one in a folder."""
    record = case.wait_until_tidy()
    assert (record.state, record.done, record.dead) == (State.DONE, record.total, 0)
    assert record.counts == case.reference().counts
    dataset = Dataset.open(_URL)
    assert dataset.sha256 == case.reference().summary["sha256"]
    assert not [verdict.fault for verdict in verify(dataset, render=3) if verdict.fault]
    expected = {name.removeprefix("data/") for name in case.reference().files}
    present = {path.removeprefix(f"{BUCKET}/data/") for path in dataset.folder._fs.find(f"{BUCKET}/data")}
    assert present == expected


@pytest.mark.parametrize("status", [500, 503])
@for_kinds("generate")
def test_refuses_for_a_while(case: FaultCase, store: ObjectStore, status: int) -> None:
    """An object store that answers {status} for ten seconds"""
    _start(case, store)
    case.start_worker()
    case.wait_for_middle()
    with store.refusing(status):
        elapse(10)
    assert store.refused
    _audit(case)


@pytest.mark.parametrize("status", [500, 503])
@for_kinds("generate")
def test_refuses_until_the_job_has_failed(case: FaultCase, store: ObjectStore, status: int) -> None:
    """An object store that answers {status} until the job has failed; then `capq retry`"""
    _start(case, store)
    case.start_worker()
    case.wait_for_middle()
    with store.refusing(status):
        wait_until(lambda: case.record.state.closed, "the end of the job", 240)
    assert case.record.state is State.FAILED
    refused = case.capq("status", case.job_id)
    assert "shard" in refused.stdout
    case.capq("retry", case.job_id, "--detach")
    _audit(case)


@pytest.mark.parametrize("status", [500, 503])
@for_kinds("generate")
def test_refuses_a_command(case: FaultCase, store: ObjectStore, status: int) -> None:
    """An object store that answers {status} to the command: one line, and the same command again"""
    case.capq.env |= store.environment
    *arguments, _ = case.job.arguments
    with store.refusing(status):
        refusal = case.capq(*arguments, _URL, "--detach", code=2).stderr
    assert refusal.count("\n") <= 2, refusal
    assert list(case.ledger.jobs()) == []
    _start(case, store)
    case.start_worker()
    _audit(case)
