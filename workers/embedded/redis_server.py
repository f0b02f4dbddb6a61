"""The private server: running it on a unix socket, and telling why it does not run."""

import os
import re
import stat
import subprocess
from pathlib import Path

import redis

from ..errors import BrokerError, RuntimeStartError
from ..ledger import connection
from ..settings import Settings
from . import servers
from .servers import Server

_WARNING = re.compile(r"^\d+:\w .* # (?P<text>.+)$", re.MULTILINE)  # process, role and time stand before it


def start(settings: Settings, log: Path) -> tuple[Server, subprocess.Popen[bytes]]:
    """Start a server on the settings' socket, with an append-only file; does not wait for it.

    Raises
    ------
    NoRedisServerError
        When there is no server on this machine.
    OtherServerDataError
        When no server here can read the data that is there.
    RuntimeStartError
        When the socket's folder belongs to somebody else.
    """
    server, data = _on_its_data(settings.home)
    make_socket_folder(settings)
    configuration = settings.home / "redis.conf"
    configuration.write_text(
        "\n".join(
            (
                "port 0",
                f'unixsocket "{settings.socket}"',
                "unixsocketperm 700",
                f'dir "{data}"',
                "appendonly yes",
                "appendfsync everysec",
                'save ""',
                "maxmemory-policy noeviction",
                "daemonize no",
                "",
            )
        )
    )
    with log.open("ab") as output:
        # A session of its own: Ctrl-C in the terminal is for the command, not for the server.
        process = subprocess.Popen(
            [server.program, str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=0o077,
        )
    return server, process


def _on_its_data(home: Path) -> tuple[Server, Path]:
    """Return a server and the folder of its data, into which data of an older server is moved."""
    server, written = servers.select(home)
    data = home / server.folder
    if written and written != data:
        if data.is_dir():
            data.rmdir()  # empty, or it would be data of a second server
        written.rename(data)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return server, data


def make_socket_folder(settings: Settings) -> None:
    """Make the socket's folder, and make sure that nobody else can put a socket there.

    Raises
    ------
    RuntimeStartError
        When it cannot be made, is not this user's own, or others may use it.
    """
    folder = settings.socket.parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.lstat()
    except OSError as error:
        raise RuntimeStartError(f"cannot use {folder}: {error.strerror or error}") from error
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise RuntimeStartError(f"{folder} is open to other users, or is theirs: no socket is put there")


def complaint(log: Path) -> str:
    """Return what a server that ended said last in its log; empty where it said nothing."""
    try:
        text = log.read_text(errors="replace").rstrip()
    except OSError:
        return ""
    warnings = [match["text"] for match in _WARNING.finditer(text)]
    return warnings[-1] if warnings else text.rpartition("\n")[2]


def answers(settings: Settings) -> bool:
    """Tell whether a server answers on the socket and has loaded its data."""
    try:
        connection.check(settings)
    except BrokerError:
        return False
    return True


def shut_down(settings: Settings) -> None:
    """End a server that an earlier supervisor left behind."""
    client = redis.Redis(unix_socket_path=str(settings.socket), socket_timeout=30)
    try:
        client.shutdown()
    except redis.ConnectionError:
        pass  # the server closes the connection instead of answering
    finally:
        client.close()
