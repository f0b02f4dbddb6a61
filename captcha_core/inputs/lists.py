"""Images named one a line, by paths or URLs, in a text file or on standard input."""

import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..errors import InputError
from ..storage import parent_and_name
from .entry import Entry, Item
from .folders import fetch_urls, modified

STANDARD_INPUT = "-"


class _StandardInput:
    """The lines of standard input, of which the first can be looked at before they are taken."""

    def __init__(self) -> None:
        self._ahead: list[bytes] = []

    def first(self, count: int) -> list[bytes]:
        """Return the first lines, waiting for them; `lines` yields them all the same."""
        self._ahead += itertools.islice(sys.stdin.buffer, max(0, count - len(self._ahead)))
        return self._ahead[:count]

    def lines(self) -> Iterator[bytes]:
        """Yield each line, once."""
        ahead, self._ahead = self._ahead, []
        yield from ahead
        yield from sys.stdin.buffer


_standard_input = _StandardInput()


class PathList:
    """The lines of a text file, or of standard input: URLs, and paths, relative ones from `root`."""

    def __init__(self, url: str, root: str) -> None:
        self._url = url
        self._root = Path(root)

    def entries(self) -> Iterator[Entry]:
        """Yield the named files in the order of the lines; empty lines are passed over."""
        return _named(self._lines())

    def first(self, count: int) -> list[Entry]:
        """Return the files that the first lines name; standard input still yields those lines."""
        if self._url == STANDARD_INPUT:
            return list(_named(map(_text, _standard_input.first(count))))
        return list(itertools.islice(self.entries(), count))

    def items(self, entries: Sequence[Entry]) -> Iterator[Item]:
        """Yield what a solver reads, for each entry."""
        return open_files([entry.path for entry in entries], self._root)

    def modified(self, entry: Entry) -> float:
        """Return when an image last changed, in seconds since the epoch; 0 if unknown."""
        return 0.0 if "://" in entry.path else modified(self._root / entry.path)

    def _lines(self) -> Iterator[str]:
        if self._url == STANDARD_INPUT:
            yield from map(_text, _standard_input.lines())
            return
        folder, name = parent_and_name(self._url)
        try:
            with folder.open(name) as file:
                yield from map(_text, file)
        except FileNotFoundError:
            raise InputError(f"no such file: {self._url}") from None


def open_files(paths: Iterable[str], root: str | Path = "") -> Iterator[Item]:
    """Yield what a solver reads, for each path or URL; relative paths are from `root`.

    Raises
    ------
    StorageError
        When the store of a URL does not answer.
    """
    for is_stored, group in itertools.groupby(paths, key=lambda path: "://" in path):
        if is_stored:
            yield from fetch_urls(list(group))
        else:
            yield from (os.path.join(root, path) for path in group)  # noqa: PTH118 (as in a folder)


def _named(lines: Iterable[str]) -> Iterator[Entry]:
    return (Entry(path=line) for line in lines if line)


def _text(line: bytes) -> str:
    # File names are bytes; what is no UTF-8 in them comes back as it was.
    return line.decode("utf-8", "surrogateescape").rstrip("\r\n")
