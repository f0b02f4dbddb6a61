"""A store with a bucket, and workers that share nothing but it and Redis: each on a machine of its own."""

import logging
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LEASE_SECONDS, Capq, clean_environment, wait_until

from .object_store import BUCKET, ObjectStore, needs_store


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    """A store with a bucket, which this process finds as well."""
    needs_store()
    import fsspec

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    made = ObjectStore()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in made.environment.items():
            patch.setenv(name, value)
        fsspec.get_filesystem_class("s3").clear_instance_cache()  # of another test's store
        bucket = fsspec.filesystem("s3", use_listings_cache=False)
        bucket.mkdir(BUCKET)
        yield made
        bucket.rm(BUCKET, recursive=True)
        made.close()


@pytest.fixture
def bucket(store: ObjectStore) -> Any:
    """The store as fsspec has it, empty."""
    import fsspec

    files = fsspec.filesystem("s3", use_listings_cache=False)
    for path in files.find(BUCKET):
        files.rm_file(path)
    return files


class Machines:
    """Machines with one Redis: each has a current folder, an embedded home and temporary files of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._machines: list[Capq] = []

    def __call__(self, name: str) -> Capq:
        """Return the command line on a machine of that name."""
        folders = {part: self._folder / name / part for part in ("home", "tmp", "work")}
        for path in folders.values():
            path.mkdir(parents=True, exist_ok=True)
        # The cache of compiled code is this machine's for all: to compile takes half a minute.
        own = {"CAPQ_HOME": str(folders["home"]), "TMPDIR": str(folders["tmp"])}
        machine = Capq(self._environment | own, folders["work"])
        self._machines.append(machine)
        return machine

    def files(self) -> list[str]:
        """Return what lies in the current folders of all machines."""
        return sorted(path.name for path in self._folder.glob("*/work/*") if path.suffix != ".log")

    def close(self) -> None:
        for machine in self._machines:
            machine.close()


def _machines(folder: Path, redis_url: str, store: ObjectStore) -> Machines:
    """Return machines with a key space of their own."""
    environment = clean_environment(
        CAPQ_REDIS_URL=redis_url,
        CAPQ_KEY_PREFIX=f"test-{secrets.token_hex(4)}",
        CAPQ_LEASE_SECONDS=str(LEASE_SECONDS),
        CAPQ_SLICE_SECONDS="2",
    )
    return Machines(folder, environment | store.environment)


@pytest.fixture
def machines(redis_url: str, tmp_path: Path, store: ObjectStore, bucket: Any) -> Iterator[Machines]:
    """Machines without a worker."""
    made = _machines(tmp_path, redis_url, store)
    yield made
    made.close()


@pytest.fixture(scope="module")
def staffed(
    redis_url: str, tmp_path_factory: pytest.TempPathFactory, store: ObjectStore
) -> Iterator[Machines]:
    """Machines with one cpu and two gpu workers, each on its own, for the tests of a module."""
    made = _machines(tmp_path_factory.mktemp("machines"), redis_url, store)
    queues = ("cpu", "gpu", "gpu")
    for number, queue in enumerate(queues):
        machine = made(f"{queue}-{number}")
        machine.start("worker", queue, "--processes", "1", log=machine.folder / "worker.log")
    command = made("command")
    wait_until(lambda: len(command.json("workers", "--timeout", 0.4)) == len(queues), "the workers")
    yield made
    made.close()


@pytest.fixture
def here(staffed: Machines, bucket: Any) -> Capq:
    """The command line on a machine of its own, beside the workers on theirs."""
    return staffed("command")
