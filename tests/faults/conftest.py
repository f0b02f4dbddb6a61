"""Cases of the fault suite, each with a Redis of its own, and the undisturbed runs to compare with."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from tests.conftest import Capq, RedisServer
from workers.ledger.ledger import Ledger
from workers.settings import Settings

from .audit import Reference, make_reference
from .case import FaultCase
from .jobs import JOBS, make_input

_ONE_THREAD = {"CAPQ_TRAINING_THREADS": "1", "OMP_NUM_THREADS": "1"}  # trainings give the same bytes
_SLICE_SECONDS = "0.1"


@pytest.fixture
def redis_url(server: RedisServer) -> str:
    return server.url


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the datasets that jobs read, each made when it is first needed."""
    return tmp_path_factory.mktemp("inputs")


@pytest.fixture(scope="session")
def references() -> dict[str, Reference]:
    """What undisturbed runs left, by kind."""
    return {}


def _make_reference(apart: FaultCase) -> Reference:
    """Run a case's job in another folder and environment, undisturbed, on the workers that are there."""
    apart.folder.mkdir()
    if not any(worker.process.poll() is None for worker in apart.workers):
        apart.start_worker()
    apart.start()
    record = apart.wait_until_tidy()
    return make_reference(apart.job, record, apart.folder, apart.inputs)


@pytest.fixture
def case(
    kind: str,
    capq: Capq,
    server: RedisServer,
    settings: Settings,
    inputs: Path,
    references: dict[str, Reference],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> Iterator[FaultCase]:
    """A case of a kind of job; its workers end with the test."""
    job = JOBS[kind]
    if job.reads:
        make_input(inputs, job.reads)
    folder = tmp_path / "job"
    folder.mkdir()
    capq.folder = folder
    capq.env |= _ONE_THREAD
    capq.env["CAPQ_SLICE_SECONDS"] = _SLICE_SECONDS
    disturbed = FaultCase(
        job=job,
        capq=capq,
        settings=settings,
        ledger=Ledger.open(settings),
        client=redis.Redis.from_url(settings.redis_url, decode_responses=True),
        server=server,
        folder=folder,
        inputs=inputs,
        reference=lambda: references.get(kind) or references.setdefault(kind, _make_reference(apart)),
    )
    apart = replace(disturbed, folder=tmp_path / "apart", capq=Capq(dict(capq.env), tmp_path / "apart"))
    yield disturbed
    record_property("seconds", disturbed.seconds)
    disturbed.close()
