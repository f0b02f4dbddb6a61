"""Ground-truth labels of images: in their names, in a table, or in a list."""

import csv
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from ..errors import LabelError, counted
from ..storage import Folder, parent_and_name
from .dictionary import DiskDictionary
from .entry import Entry

NAMES = "names"
"""The label is a file name's stem up to the first ``_``, as in ``X7PQ_001.png``."""

BESIDE = "txt"
"""The label is the ``.txt`` that shares the image's stem, as in WebDataset shards."""

_LONG = 1000  # digits, from which on they are text: Python turns no more than 4,300 into a number

Label = Callable[[Entry], str | None]
"""Returns an image's ground-truth label; None if unknown."""


def check_labels(where: str) -> None:
    """Make sure that labels can be looked up, before any work is done.

    Raises
    ------
    LabelError
        When `where` is neither `NAMES` nor `BESIDE` nor a ``.csv`` or ``.txt`` file that is there.
    """
    if where in (NAMES, BESIDE):
        return
    folder, name = parent_and_name(where)
    if PurePosixPath(name).suffix.lower() not in (".csv", ".txt"):
        raise LabelError(f"labels come from a .csv or .txt file, {NAMES!r} or {BESIDE!r}, not from {where}")
    if not folder.exists(name):
        raise LabelError(f"no such file with labels: {where}")


def open_labels(where: str, entries: Callable[[], Iterable[Entry]]) -> Label:
    """Return the rule that gives an image's ground-truth label.

    Parameters
    ----------
    where
        `NAMES`, `BESIDE`, a ``.csv`` with columns ``file_name`` and ``text`` (or these as its
        first two), whose names are the paths of the results, or a ``.txt`` with one label a
        line in the numeric order of the images' names (``2.png`` before ``10.png``).
    entries
        Lists the images, for a ``.txt``.

    Raises
    ------
    LabelError
        When a table has rows that are too short, or a list another length than the images.
    """
    if where == NAMES:
        return in_name
    if where == BESIDE:
        return lambda entry: entry.label
    folder, name = parent_and_name(where)
    if name.lower().endswith(".csv"):
        table = DiskDictionary((path, text) for _, path, text in table_labels(_lines(folder, name), name))
    else:
        texts = [line for line in _lines(folder, name) if line]
        paths = sorted((entry.path for entry in entries()), key=numeric_order)
        if len(texts) != len(paths):
            raise LabelError(f"{name} has {counted(len(texts), 'label')} for {counted(len(paths), 'image')}")
        table = DiskDictionary(zip(paths, texts, strict=True))
    return lambda entry: table.get(entry.path)


def in_name(entry: Entry) -> str:
    """Return the label in an image's name."""
    stem = entry.path.rpartition("/")[2].rpartition(".")[0]
    return stem.partition("_")[0]


def table_labels(lines: Iterable[str], table: str) -> Iterator[tuple[int, str, str]]:
    """Yield (line, file name, text) of a CSV with columns ``file_name`` and ``text``, or its first two.

    Raises
    ------
    LabelError
        When a row is too short.
    """
    rows = csv.reader(lines)
    try:
        yield from _pairs(rows, table)
    except csv.Error as error:
        raise LabelError(f"{table}, line {rows.line_num}: {error}") from None


def _pairs(rows: Any, table: str) -> Iterator[tuple[int, str, str]]:
    header: list[str] = next(rows, [])
    name_column, text_column = 0, 1
    pending: list[list[str]] = []
    if "file_name" in header and "text" in header:
        name_column, text_column = header.index("file_name"), header.index("text")
    else:
        pending = [header]
    for number, row in enumerate(itertools.chain(pending, rows), start=2 - len(pending)):
        if len(row) <= max(name_column, text_column):
            raise LabelError(f"{table}, line {number}: needs a file name and a text")
        yield number, row[name_column], row[text_column]


def _lines(folder: Folder, name: str) -> Iterator[str]:
    try:
        yield from folder.read_lines(name)
    except UnicodeDecodeError as error:
        raise LabelError(f"{name} is not in UTF-8: {error.reason}") from None


def numeric_order(name: str) -> list[tuple[int, str]]:
    """Order 2.png before 10.png."""
    return [
        (int(part), "") if part.isdecimal() and len(part) < _LONG else (-1, part)
        for part in re.split(r"(\d+)", name)
    ]
