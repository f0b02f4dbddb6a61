"""Real parts for the tests: a redis-server, workers in processes of their own, the command line."""

import contextlib
import json
import os
import re
import resource
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis

from workers.embedded import servers
from workers.ledger.ledger import Ledger
from workers.settings import Settings

DEADLINE = 120.0

# A shell has its background jobs ignore Ctrl-C, and so would the commands that the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

LEASE_SECONDS = 5.0


def wait_until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
    """Return the condition's first true value; fail when none comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    pytest.fail(f"{what}: not within {seconds:.0f} s")


@dataclass
class Capq:
    """The command line in one environment, as a user has it.

    Attributes
    ----------
    prefix
        Program and arguments that start it elsewhere, such as in a network namespace.
    """

    env: dict[str, str]
    folder: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    prefix: tuple[str, ...] = ()

    def __call__(self, *arguments: object, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; `code` None takes any exit code."""
        result = subprocess.run(
            [*self.prefix, sys.executable, "-m", "cli", *map(str, arguments)],
            env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=DEADLINE * 2, check=False,
        )  # fmt: skip
        assert "Traceback" not in result.stderr, result.stderr
        if code is not None:
            assert result.returncode == code, (
                f"{arguments}: {result.returncode}\n{result.stdout}\n{result.stderr}"
            )
        return result

    def json(self, *arguments: object, code: int | None = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def start(self, *arguments: object, log: Path | None = None) -> subprocess.Popen[str]:
        """Start a command and go on."""
        output = log.open("a") if log else subprocess.PIPE
        process = subprocess.Popen(
            [*self.prefix, sys.executable, "-m", "cli", *map(str, arguments)],
            env=self.env, cwd=self.folder, stdout=output, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class ListedReading:
    """A `capq solve-dir -` whose list of paths is written bit by bit: until `end` it cannot finish."""

    def __init__(self, capq: Capq, *options: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli", "solve-dir", "-", *map(str, options)],
            env=capq.env, cwd=capq.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        capq.processes.append(self.process)

    def list(self, *paths: object) -> None:
        assert self.process.stdin
        self.process.stdin.write("".join(f"{path}\n" for path in paths))
        self.process.stdin.flush()

    def end(self) -> str:
        """Close the list and return what the command said."""
        output, _ = self.process.communicate(timeout=DEADLINE)
        return str(output)


def start_worker(capq: Capq, queue: str = "cpu", processes: int | None = 2) -> dict[str, Any]:
    """Start a worker, and return what it tells of itself once it answers; None for its own choice."""
    options = () if processes is None else ("--processes", processes)
    log = capq.folder / f"{queue}.log"
    process = capq.start("worker", queue, *options, log=log)
    ready = re.compile(rf"({queue}-{process.pid}-\S+) ready")
    name = wait_until(lambda: ready.search(log.read_text()), "the worker")[1]
    return wait_until(
        lambda: next(
            (line for line in capq.json("workers", "--timeout", 0.4) if line["worker"] == name), None
        ),
        "the worker's answer",
    )


def ledger_of(capq: Capq) -> Ledger:
    """Return the ledger that the commands of an environment write: to look again and again costs nothing."""
    names = {"redis_url": "CAPQ_REDIS_URL", "key_prefix": "CAPQ_KEY_PREFIX", "home": "CAPQ_HOME"}
    values = {name: capq.env[variable] for name, variable in names.items() if variable in capq.env}
    return Ledger.open(Settings.model_validate_strings(values))


@contextlib.contextmanager
def no_file_may_grow() -> Iterator[None]:
    """Have each write of this process fail, as on a full disk; folders can still be made."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def processes_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def clean_environment(**changes: str) -> dict[str, str]:
    """Return this process's environment without settings of capq, and with these."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("CAPQ_", "PROMETHEUS_"))
    }
    return kept | changes


class RedisServer:
    """A redis-server of the tests' own on a loopback port, which can be stopped and started.

    `address` is one more on which it listens, for those who come from a network namespace.
    """

    def __init__(self, folder: Path, address: str = "") -> None:
        self._folder = folder
        self._addresses = ["127.0.0.1", *filter(None, [address])]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.outer_url = f"redis://{self._addresses[-1]}:{self._port}/0"
        self.start()

    def start(self) -> None:
        options = {
            "port": self._port,
            "bind": " ".join(self._addresses),
            "protected-mode": "no",
            "dir": self._folder,
            "appendonly": "yes",
            "save": "",
        }
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        with (self._folder / "log").open("a") as log:
            self.process = subprocess.Popen([servers.find().program, *arguments], stdout=log)
        wait_until(lambda: _answers(self.url), "redis-server")

    def kill(self) -> None:
        """Kill the server, as by the loss of its machine."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a redis-server that the tests share."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server.url
    server.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A redis-server of the test's own: a class of tests that name it in `redis_url` has capq use it."""
    folder = tmp_path / "redis"
    folder.mkdir()
    own = RedisServer(folder)
    yield own
    own.close()


def _answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url) as found:
            return bool(found.ping())
    except redis.RedisError:
        return False


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    """Settings for a key space of the test's own on that server."""
    return Settings(
        redis_url=redis_url,
        key_prefix=f"test-{secrets.token_hex(4)}",
        home=tmp_path / "home",
        lease_seconds=LEASE_SECONDS,
        slice_seconds=2,
    )


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    found = redis.Redis.from_url(settings.redis_url, decode_responses=True)
    yield found
    found.close()


@pytest.fixture
def ledger(settings: Settings) -> Ledger:
    return Ledger.open(settings)


@pytest.fixture
def capq(settings: Settings, tmp_path: Path) -> Iterator[Capq]:
    """The command line against the tests' Redis; its workers end with the test."""
    found = Capq(
        clean_environment(
            CAPQ_REDIS_URL=settings.redis_url,
            CAPQ_KEY_PREFIX=settings.key_prefix,
            CAPQ_LEASE_SECONDS=str(settings.lease_seconds),
            CAPQ_SLICE_SECONDS=str(settings.slice_seconds),
            CAPQ_HOME=str(settings.home),
        ),
        tmp_path,
    )
    yield found
    found.close()


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capq]:
    """The command line on one embedded runtime, shared by the tests that use it."""
    folder = tmp_path_factory.mktemp("embedded")
    found = Capq(clean_environment(CAPQ_HOME=str(folder / "home"), CAPQ_SLICE_SECONDS="2"), folder)
    yield found
    found("local", "stop")
