"""Messages that are not capq's, put on the queue by hand: they are dropped, and no worker dies."""

import base64
import json
import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.conftest import Capq, processes_of, start_worker, wait_until
from tests.fuzz.mutation import VALUES, mutate_bytes, mutate_json
from workers.settings import Settings

RANDOM_MESSAGES = int(os.environ.get("CAPQ_TEST_MESSAGES", "200"))


class Creates:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self._path,)


@pytest.fixture
def message(capq: Capq, client: redis.Redis, settings: Settings) -> dict[str, Any]:
    """A message of capq's own, taken off the queue before a worker sees it."""
    job = capq("generate", "--shards", 1, "--per-shard", 2, "--out", capq.folder / "first", "--detach")
    capq("cancel", job.stdout.strip())
    return dict(json.loads(client.rpop(f"{settings.key_prefix}:cpu")))


class Queue:
    """The worker's queue, and whether the worker still lives."""

    def __init__(self, capq: Capq, client: redis.Redis, prefix: str, *, processes: int = 1) -> None:
        self._capq = capq
        self._client = client
        self._prefix = prefix
        self._worker = start_worker(capq, processes=processes)
        self._pids = processes_of(self._worker["pid"])
        self._rounds = 0

    def put(self, *entries: bytes) -> None:
        for start in range(0, len(entries), 1000):
            self._client.lpush(f"{self._prefix}:cpu", *entries[start : start + 1000])

    def check_alive(self) -> str:
        """Return the worker's log, once a job that was started after the bad messages has ended."""
        self._rounds += 1
        out = self._capq.folder / f"data{self._rounds}"
        options = ("--shards", 2, "--per-shard", 2, "--width", 60, "--height", 40, "--length", 1)
        assert self._capq.json("generate", *options, "--out", out)["state"] == "done"
        wait_until(
            lambda: not self._client.exists(f"{self._prefix}:unacked"), "no message is left unanswered"
        )
        assert processes_of(self._worker["pid"]) == self._pids
        return self.log()

    def log(self) -> str:
        return (self._capq.folder / "cpu.log").read_text(errors="replace")


@pytest.fixture
def queue(message: dict[str, Any], capq: Capq, client: redis.Redis, settings: Settings) -> Queue:
    return Queue(capq, client, settings.key_prefix)


def _with(message: dict[str, Any], *path: str, value: Any) -> bytes:
    changed = json.loads(json.dumps(message))
    part = changed
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return json.dumps(changed).encode()


def _body(message: dict[str, Any], value: Any) -> bytes:
    return _with(message, "body", value=base64.b64encode(json.dumps(value).encode()).decode())


def _bad_messages(message: dict[str, Any]) -> list[bytes]:
    fields = [("properties",), ("headers",), ("body",), ("content-type",), ("content-encoding",)]
    fields += [("properties", name) for name in message["properties"]]
    fields += [("headers", name) for name in message["headers"]]
    no_json = [b"", b"hello", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b"[]", b"{}", b'"x"', b"NaN"]
    hooks = [
        b'{"__type__": "uuid", "__value__": {"hex": "zz"}}',
        b'{"__type__": "datetime", "__value__": 7}',
        b'{"__type__": "nothing", "__value__": 7}',
    ]
    arguments = [
        ["generate-000000"],
        ["generate-000000", "0"],
        ["x" * 1000, 0],
        [None, None],
        [[], {}],
        [7, 7],
        {},
    ]
    arguments += [
        ["../x", 0],
        ["generate-000000", -1],
        ["generate-000000", 10**30],
        ["generate-000000", 0, 0],
        [],
    ]
    callback = {"task": "capq.job.finish", "args": ["x"], "kwargs": {}, "options": {}, "immutable": True}
    bodies: list[Any] = [[args, {}, {}] for args in arguments]
    bodies += [[["a", 0], {"unit": 3}, {}], [["a", 0], [], {}], None, 7, "x", [], [[], {}], {"args": []}]
    bodies += [
        [["a", 0], {}, {"callbacks": [callback]}],
        [["a", 0], {}, {"chord": callback}],
        [["a", 0], {}, None],
    ]
    return (
        no_json
        + hooks
        + [
            _with(message, *path, value=value)
            for path in fields
            for value in (None, 7, "x", [], {}, -1, "é" * 300)
        ]
        + [_body(message, body) for body in bodies]
        + [
            _with(message, "headers", "task", value=name)
            for name in ("os.system", "celery.chain", "celery.backend_cleanup")
        ]
    )


def test_messages_that_are_not_capqs_are_dropped(queue: Queue, message: dict[str, Any]) -> None:
    queue.put(*_bad_messages(message))
    log = queue.check_alive()
    assert "is no message" in log
    assert "none of capq's" in log
    assert "Unrecoverable" not in log


def test_nothing_is_unpickled(queue: Queue, message: dict[str, Any], tmp_path: Path) -> None:
    mark = tmp_path / "unpickled"
    data = pickle.dumps(Creates(mark))
    pickle.loads(data)
    assert mark.exists()  # that is what it would do
    mark.unlink()
    body = base64.b64encode(data).decode()
    kinds = (
        "application/x-python-serialize",
        "pickle",
        "application/json",
        "application/data",
        "text/yaml",
        None,
    )
    for kind in kinds:
        for encoding in ("binary", "utf-8"):
            changed = message | {"body": body, "content-type": kind, "content-encoding": encoding}
            queue.put(json.dumps(changed).encode())
    queue.put(data)
    log = queue.check_alive()
    assert not mark.exists()
    assert log.count("dropped") == 2 * len(kinds) + 1


@pytest.mark.slow
def test_what_a_message_holds_stays_out_of_the_log(queue: Queue, message: dict[str, Any]) -> None:
    queue.put(
        b"sentinel", _body(message, "sentinel"), _with(message, "headers", "sentinel", value="sentinel")
    )
    queue.put(*(_with(message, "properties", name, value=["sentinel"]) for name in message["properties"]))
    assert "sentinel" not in queue.check_alive()


@pytest.mark.slow
def test_a_message_of_many_megabytes_is_dropped(queue: Queue, message: dict[str, Any]) -> None:
    queue.put(_with(message, "body", value="A" * (40 << 20)), b"[" + b"1," * (20 << 20) + b"1]")
    assert "at most 65536 characters" in queue.check_alive()


def test_requests_to_all_workers_that_are_none_are_dropped(
    queue: Queue, client: redis.Redis, settings: Settings
) -> None:
    channel = f"{settings.key_prefix}:/0.celery.pidbox"
    for value in (
        b"",
        b"x",
        b"{}",
        b"[]",
        b"7",
        b"null",
        b'{"properties": {}}',
        b'{"body": "x", "properties": 7}',
    ):
        assert client.publish(channel, value) == 1  # the worker listens
    wait_until(lambda: "pidbox that is no message" in queue.log(), "the worker to have met them")
    queue.check_alive()


@pytest.mark.slow
def test_random_changes_of_a_message_kill_no_worker(queue: Queue, message: dict[str, Any]) -> None:
    rng = random.Random(int(os.environ.get("CAPQ_TEST_SEED", "1")))
    body = base64.b64decode(message["body"])
    whole = json.dumps(message).encode()
    changes: list[Callable[[], bytes]] = [
        lambda: mutate_json(whole, rng),
        lambda: mutate_bytes(whole, rng),
        lambda: _with(message, "body", value=base64.b64encode(mutate_json(body, rng)).decode()),
        lambda: _with(message, "headers", rng.choice(list(message["headers"])), value=rng.choice(VALUES)),
    ]
    queue.put(*(rng.choice(changes)() for _ in range(RANDOM_MESSAGES)))
    assert "Unrecoverable" not in queue.check_alive()
