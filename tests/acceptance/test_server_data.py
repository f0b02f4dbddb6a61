"""The embedded runtime on the data of another server."""

import time
from pathlib import Path

import pytest
import redis

from tests.conftest import Capq
from tests.unit.workers.test_servers import base_file, write_data
from workers.settings import Settings

ZADD = b"*4\r\n$4\r\nZADD\r\n$4\r\ntest\r\n$1\r\n1\r\n$3\r\nold\r\n"


@pytest.fixture
def own(embedded: Capq, tmp_path: Path) -> Capq:
    """The command line with a CAPQ_HOME of the test's own."""
    return Capq(embedded.env | {"CAPQ_HOME": str(tmp_path / "home")}, tmp_path)


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("folder", "writer", "magic", "needed"),
    [
        ("redis-8", "redis 8.2.1", b"REDIS0012", "Redis 8.2"),
        ("redis", "redis 7.4.0", b"REDIS0012", "Redis 7.4"),
        ("valkey-77", "valkey 77.0.0", b"VALKEY099", "Valkey 77.0"),
    ],
)
def test_data_of_a_server_that_is_not_here_gets_one_line_and_stays(
    own: Capq, folder: str, writer: str, magic: bytes, needed: str
) -> None:
    data = write_data(own.folder / "home" / folder, base_file(writer, magic), ZADD)
    before = _contents(data)
    started_at = time.monotonic()
    result = own("jobs", code=2)
    assert time.monotonic() - started_at < 20  # as against a minute of restarts
    (line,) = result.stderr.splitlines()
    assert f"{needed} or newer" in line
    assert "CAPQ_HOME" in line
    assert _contents(data) == before
    assert own.json("local", "status")["pid"] is None


@pytest.mark.parametrize("base", [base_file("redis 7.0.15"), None], ids=["Redis 7.0", "Redis 6"])
def test_data_of_an_older_redis_is_taken_over(own: Capq, base: bytes | None) -> None:
    home = own.folder / "home"
    write_data(home / "redis", base, ZADD)
    try:
        own("local", "start")
        status = own.json("local", "status")
        assert status["server"].startswith("Valkey ")
        with redis.Redis(unix_socket_path=str(Settings(home=home).socket)) as client:
            assert client.zrange("test", 0, -1) == [b"old"]
    finally:
        own("local", "stop")
    assert not (home / "redis").exists()
    assert list(home.glob("valkey-*"))


def test_a_server_that_cannot_start_says_why(own: Capq) -> None:
    data = write_data(own.folder / "home" / "valkey-9", base_file("valkey 9.0.0", b"VALKEY199"), ZADD)
    before = _contents(data)
    (line,) = own("jobs", code=2).stderr.splitlines()
    assert "Error reading the RDB base file" in line  # the server's own words
    assert _contents(data) == before
