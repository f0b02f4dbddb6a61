"""Images named one a line, in a text file or on standard input."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from ..errors import InputError
from ..storage import Folder
from .entry import Entry, Item
from .folders import modified

STANDARD_INPUT = "-"


class PathList:
    """The lines of a text file, or of standard input: paths, relative ones from `root`."""

    def __init__(self, url: str, root: str) -> None:
        self._url = url
        self._root = Path(root)

    def entries(self) -> Iterator[Entry]:
        """Yield the named files in the order of the lines; empty lines are passed over."""
        return (Entry(path=line) for line in self._lines() if line)

    def items(self, entries: Sequence[Entry]) -> Iterator[Item]:
        """Yield what a solver reads, for each entry."""
        return (os.path.join(self._root, entry.path) for entry in entries)  # noqa: PTH118 (as in a folder)

    def modified(self, entry: Entry) -> float:
        """Return when an image last changed, in seconds since the epoch; 0 if unknown."""
        return modified(self._root / entry.path)

    def _lines(self) -> Iterator[str]:
        if self._url == STANDARD_INPUT:
            # File names are bytes; what is no UTF-8 in them comes back as it was.
            yield from (line.decode("utf-8", "surrogateescape").rstrip("\r\n") for line in sys.stdin.buffer)
            return
        parent, _, name = self._url.rpartition("/")
        try:
            with Folder(parent or "/").open(PurePosixPath(name).name) as file:
                yield from (line.decode("utf-8", "surrogateescape").rstrip("\r\n") for line in file)
        except FileNotFoundError:
            raise InputError(f"no such file: {self._url}") from None
