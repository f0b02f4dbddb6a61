"""Cases of the fault suite, each with a Redis of its own, and the undisturbed runs to compare with."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from tests.conftest import LEASE_SECONDS, Capq, RedisServer, clean_environment
from workers.ledger.ledger import Ledger
from workers.settings import Settings

from .audit import Reference, make_reference
from .case import FaultCase
from .jobs import JOBS, make_inputs

_ONE_THREAD = {"CAPQ_TRAINING_THREADS": "1", "OMP_NUM_THREADS": "1"}  # trainings give the same bytes
_SLICE_SECONDS = 0.3


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A redis-server that only this test uses."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with_server = RedisServer(folder)
    yield with_server
    with_server.close()


@pytest.fixture
def redis_url(server: RedisServer) -> str:
    return server.url


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The datasets that jobs read."""
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs(folder)
    return folder


def _case(kind: str, server: RedisServer, folder: Path, inputs: Path, settings: Settings) -> FaultCase:
    (folder / "job").mkdir()
    (folder / "metrics").mkdir()
    environment = clean_environment(
        CAPQ_REDIS_URL=server.url,
        CAPQ_KEY_PREFIX=settings.key_prefix,
        CAPQ_LEASE_SECONDS=str(settings.lease_seconds),
        CAPQ_SLICE_SECONDS=str(_SLICE_SECONDS),
        CAPQ_HOME=str(folder / "home"),
        PROMETHEUS_MULTIPROC_DIR=str(folder / "metrics"),
        **_ONE_THREAD,
    )
    return FaultCase(
        job=JOBS[kind],
        capq=Capq(environment, folder / "job"),
        settings=settings,
        ledger=Ledger.open(settings),
        client=redis.Redis.from_url(server.url, decode_responses=True),
        server=server,
        folder=folder / "job",
        inputs=inputs,
        reference=lambda: pytest.fail("an undisturbed run has no reference"),
    )


@pytest.fixture(scope="session")
def references(tmp_path_factory: pytest.TempPathFactory, inputs: Path) -> Callable[[str], Reference]:
    """Return a kind's undisturbed run, made when it is first asked for."""

    @functools.cache
    def make(kind: str) -> Reference:
        folder = tmp_path_factory.mktemp(f"undisturbed-{kind}")
        server = RedisServer(folder)
        settings = Settings(redis_url=server.url, lease_seconds=LEASE_SECONDS)
        case = _case(kind, server, folder, inputs, settings)
        try:
            case.start_worker()
            case.start()
            return make_reference(case.job, case.wait_until_tidy(), case.folder, inputs)
        finally:
            case.close()
            server.close()

    return make


@pytest.fixture
def case(
    kind: str,
    server: RedisServer,
    settings: Settings,
    inputs: Path,
    references: Callable[[str], Reference],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> Iterator[FaultCase]:
    """A case of a kind of job; its workers end with the test."""
    disturbed = _case(kind, server, tmp_path, inputs, settings)
    disturbed.reference = lambda: references(kind)
    yield disturbed
    record_property("seconds", disturbed.seconds)
    disturbed.close()
    disturbed.capq.close()
