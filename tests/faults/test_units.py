"""Units that cannot be done, workers that are stopped in a hurry, and messages that are none."""

import base64
import json
import pickle
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import wait_until
from workers.ledger.job import State

from .case import FaultCase, for_kinds

_POISONED = 5
_OVERSIZED = 8 << 20


@for_kinds("generate", "solve", "evaluate", quick=("generate",))
def test_poison_unit(case: FaultCase) -> None:
    """A unit that fails at each attempt; mended, and `capq retry`"""
    case.start()
    with _poisoned(case):
        case.start_worker()
        record = case.wait_for_end()
    assert (record.state, record.done, record.dead) == (State.FAILED, record.total - 1, 1)
    errors = case.ledger.errors(case.job_id)
    assert list(errors) == [_POISONED]
    assert errors[_POISONED]
    case.capq("retry", case.job_id, "--detach")
    case.ends_whole()


@for_kinds()
def test_terminated_twice(case: FaultCase) -> None:
    """TERM to a worker twice: it does not wait for its unit, which another worker runs again"""
    worker = case.start_worker(1, CAPQ_FAULT_POINT="after-write")
    case.start()
    case.wait_until_standing(worker)
    worker.process.terminate()
    wait_until(lambda: worker.said("Warm shutdown"), "the first TERM")
    assert not worker.said("terminate all running tasks")
    worker.process.terminate()
    wait_until(lambda: worker.said("terminate all running tasks"), "the second TERM")
    case.killed += 1
    worker.signal(signal.SIGCONT)  # what stands still cannot end
    worker.process.wait(60)
    case.start_worker()
    case.ends_whole()


@for_kinds()
def test_messages(case: FaultCase) -> None:
    """Each message twice more, and malformed, oversized and pickled ones, on the queue"""
    case.start()
    queue = f"{case.settings.key_prefix}:{case.job.queue}"
    messages = [str(message) for message in case.client.lrange(queue, 0, -1)]  # type: ignore[union-attr]
    assert messages
    mark = case.folder.parent / "unpickled"
    case.client.lpush(queue, *messages, *messages)
    case.client.rpush(queue, *_bad(json.loads(messages[0]), mark))  # which are taken first
    worker = case.start_worker()
    case.ends_whole()
    assert worker.process.poll() is None
    assert not mark.exists()
    assert worker.said("none of capq's")
    assert worker.said("is no message")


class _Creates:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._path,)


def _bad(message: dict[str, object], mark: Path) -> list[bytes]:
    pickled = pickle.dumps(_Creates(mark))
    with_pickle = message | {
        "body": base64.b64encode(pickled).decode(),
        "content-type": "application/x-python-serialize",
        "content-encoding": "binary",
    }
    oversized = message | {"body": "A" * _OVERSIZED}
    return [b"", b"{", b"null", pickled, json.dumps(with_pickle).encode(), json.dumps(oversized).encode()]


@contextmanager
def _poisoned(case: FaultCase) -> Iterator[None]:
    """Put a folder where a unit's file is or goes, as long as the block lasts."""
    path = {
        "generate": lambda: case.folder / "data" / f"shard-{_POISONED:06d}.tar",
        "solve": lambda: next(case.folder.glob(f"results.csv.parts/*/{_POISONED:06d}.images.json")),
        "evaluate": lambda: case.inputs / "readable" / f"shard-{_POISONED:06d}.tar",
    }[case.job.kind]()
    aside = path.with_suffix(".aside")
    if path.exists():
        path.rename(aside)
    path.mkdir()
    try:
        yield
    finally:
        path.rmdir()
        if aside.exists():
            aside.rename(path)
