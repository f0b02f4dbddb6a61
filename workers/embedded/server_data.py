"""The data of the embedded runtime's server, and which server has written it.

Servers of other kinds and older versions may not load it, so its folder is named after the flavour
and the major version (``valkey-9``), and the files of older versions of capq lie in ``redis``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Flavour: TypeAlias = Literal["valkey", "redis"]
Version: TypeAlias = tuple[int, int]

_UNNAMED = "redis"
_FOLDER = re.compile(r"(redis|valkey)-(\d+)")
_WRITER = re.compile(rb"(redis|valkey)-ver.(\d+)\.(\d+)", re.DOTALL)  # between them stands a length
_HEADER_BYTES = 256


@dataclass(frozen=True)
class Data:
    """What a server has written, and the server: of an older version where the files do not tell."""

    folder: Path
    flavour: Flavour
    version: Version

    @property
    def writer(self) -> str:
        """The server as people name it."""
        return f"{self.flavour.capitalize()} {'.'.join(map(str, self.version))}"


def stored(home: Path) -> list[Data]:
    """Return the data of each server that has written to a ``CAPQ_HOME``: of one, or of none."""
    return list(_stored(home))


def _stored(home: Path) -> Iterator[Data]:
    for folder in sorted(home.glob("*")):
        named = _FOLDER.fullmatch(folder.name)
        if not (named or folder.name == _UNNAMED) or not _has_data(folder):
            continue
        flavour, version = _named(named[1], int(named[2])) if named else ("redis", (0, 0))
        written_by = _writer(folder)
        if written_by and (not named or written_by[0] == flavour):
            flavour, version = written_by[0], max(version, written_by[1])
        yield Data(folder, flavour, version)


def _named(flavour: str, major: int) -> tuple[Flavour, Version]:
    return ("valkey" if flavour == "valkey" else "redis"), (major, 0)


def _has_data(folder: Path) -> bool:
    return any(path.is_file() and path.stat().st_size for path in folder.rglob("*"))


def _writer(folder: Path) -> tuple[Flavour, Version] | None:
    """Return what the header of the append-only file's first part says; None for one without a header."""
    parts = [*folder.glob("appendonlydir/*.base.rdb"), *folder.glob("appendonly.aof")]
    for path in parts:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        writer = _WRITER.search(header) if header.startswith((b"REDIS", b"VALKEY")) else None
        if writer:
            flavour, _ = _named(writer[1].decode(), 0)
            return flavour, (int(writer[2]), int(writer[3]))
    return None
