"""Labels in tables: CSV with commas, semicolons, tabs or ``|``, and lines of a name and a label."""

import csv
import itertools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..errors import LabelFileError
from ..storage import Folder
from .columns import Columns, matching_columns, named_columns, normalised_header
from .encodings import encoding_note, encoding_of, open_text
from .matching import Match, looks_like_an_image
from .rows import LabelFile, LabelRow

_DELIMITERS = ("\t", ",", ";", "|")
_BLANK = " "
_SAMPLE = 200  # lines that are looked at
_NAMES = {"\t": "tabs", ";": "semicolons", "|": "vertical bars", _BLANK: "blanks"}


class _Layout(NamedTuple):
    delimiter: str
    columns: Columns
    header: tuple[str, ...]  # as it is written; empty for none
    matched: int  # of the sample's rows


def read_table(folder: Folder, name: str, match: Match) -> LabelFile | None:
    """Understand a table; None when no way of cutting its lines gives names of images and texts.

    Raises
    ------
    LabelFileError
        When its encoding is unknown, or several columns may hold the text. Later, when its rows
        are read, where a row is too short or too long.
    """
    encoding = encoding_of(folder, name)
    with open_text(folder, name, encoding) as text:
        sample = list(itertools.islice((line for line in text if line.strip()), _SAMPLE))
    layout = _layout(sample, name, match)
    if layout is None:
        return None

    def rows() -> Iterator[LabelRow]:
        with open_text(folder, name, encoding) as text:
            yield from _rows(text, layout, name)

    note = encoding_note(name, encoding)
    return LabelFile(name, _detail(layout), rows, note)


def _detail(layout: _Layout) -> str:
    parts = []
    if layout.header:
        image, text = (layout.header[column].strip() for column in layout.columns[:2])
        parts.append(f"columns {image} and {text}")
    else:
        order = "a name and a label" if layout.columns.image == 0 else "a label and a name"
        parts.append(f"{order} a line")
    if layout.columns.read:
        parts.append("texts that a network read")
    if layout.delimiter in _NAMES:
        parts.append(f"divided by {_NAMES[layout.delimiter]}")
    return ", ".join(parts)


def _layout(sample: list[str], name: str, match: Match) -> _Layout | None:
    """Return the way of cutting lines that names the most images."""
    layouts = [
        layout
        for delimiter in (*_DELIMITERS, _BLANK)
        if (layout := _layout_with(delimiter, sample, name, match))
    ]
    return max(layouts, key=lambda layout: layout.matched, default=None)


def _layout_with(delimiter: str, sample: list[str], name: str, match: Match) -> _Layout | None:
    try:
        rows = [row for row in _cut(sample, delimiter) if any(map(str.strip, row))]
    except csv.Error:
        return None
    if not rows or max(map(len, rows)) < 2:
        return None

    def is_there(cell: str) -> bool:
        return match(cell) is not None

    def is_image(cell: str) -> bool:
        return looks_like_an_image(cell) is not None

    columns = named_columns(normalised_header(rows[0]), name) if delimiter != _BLANK else None
    if columns:
        header = tuple(rows[0])
    else:
        columns = matching_columns(rows, is_image)
        if columns is None:
            return None
        first = [*rows[0], ""][: max(2, len(rows[0]))]  # a title above the table may be its only cell
        header = () if is_image(first[columns.image]) else tuple(first)
    body = rows[1:] if header else rows
    matched = sum(len(row) > columns.image and is_there(row[columns.image]) for row in body)
    return _Layout(delimiter, columns, header, matched)


def _rows(text: Iterable[str], layout: _Layout, name: str) -> Iterator[LabelRow]:
    _, (image, label, read), header, _ = layout
    width = max(image, label) + 1
    most = len(header) or width
    pending = bool(header)
    for number, row in _numbered(text, layout.delimiter, name):
        if not any(map(str.strip, row)):
            continue
        if pending:
            pending = False
            continue
        if len(row) < width:
            raise LabelFileError(f"{name}, line {number}: needs a file name and a text")
        if any(map(str.strip, row[most:])):
            raise LabelFileError(f"{name}, line {number}: has {len(row)} columns, not {most}")
        if read and _is_doubtful(row, header):
            yield LabelRow(number, row[image], "")
        else:
            yield LabelRow(number, row[image], row[label].strip())


def _is_doubtful(row: list[str], header: tuple[str, ...]) -> bool:
    """Tell whether a row of a results table is an error's, or was rejected."""
    cells = dict(zip(header, row, strict=False))
    return bool(cells.get("error")) or cells.get("rejected") == "true"


def _numbered(text: Iterable[str], delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    if delimiter == _BLANK:
        yield from enumerate(_cut(text, delimiter), start=1)
        return
    reader = _reader(text, delimiter)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise LabelFileError(f"{name}, line {reader.line_num}: {error}") from None


def _cut(text: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    if delimiter == _BLANK:
        return (line.strip().strip("\ufeff").split(None, 1) for line in text)
    return iter(_reader(text, delimiter))


def _reader(text: Iterable[str], delimiter: str) -> Any:
    # Lines with tabs are never quoted (PaddleOCR writes them as they are): a quotation mark is text.
    if delimiter == "\t":
        return csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(text, delimiter=delimiter, skipinitialspace=True)
