"""Results tables as files: CSV, JSON lines and Parquet, written atomically and read as a stream."""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import fsspec

from ..codecs.figures import probability_text
from ..errors import MissingExtraError, TableError, UnreadableTableError
from ..storage.whole import whole_file
from .row import CHARACTERS, COLUMNS, REJECTED, Row

_ROUNDED = ("0.000000", "1.000000")
_CHUNK = 1024  # rows in a Parquet batch read at once


class TableWriter(Protocol):
    """Writes the rows of a table in order."""

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows."""

    def close(self) -> None:
        """Write what is buffered; the file stays open."""


class TableFormat(Protocol):
    """A file format of tables."""

    appends: bool
    """Whether rows can be appended to an existing table."""

    def check(self) -> None:
        """Raise MissingExtraError if a package that the format needs is not installed."""

    def writer(self, file: Any, columns: Sequence[str], *, header: bool) -> TableWriter:
        """Return a writer of a new table, or, without `header`, of further rows of one."""
        ...

    def read(self, file: Any) -> Iterator[dict[str, Any]]:
        """Yield each row's values by column; ValueError if the table lacks one of `COLUMNS`."""
        ...


def check_format(url: str, *, appends: bool = False) -> None:
    """Check that a table can be written to `url`, before any work is done for it.

    Parameters
    ----------
    appends
        Whether rows will be appended to the table later.

    Raises
    ------
    TableError
        When its ending names no known format, or one that takes no further rows when it has to.
    MissingExtraError
        When the format needs a package that is not installed.
    """
    table_format = _format(url)
    table_format.check()
    if appends and (not table_format.appends or "://" in url):
        raise TableError(f"cannot add rows to {url}: give a local file that ends in .csv or .jsonl")


@contextmanager
def open_table(url: str, columns: Sequence[str] = COLUMNS) -> Iterator[TableWriter]:
    """Open a new results table, CSV, JSON lines or Parquet by its ending; it appears once it is complete."""
    table_format = _format(url)
    with whole_file(url) as file:
        writer = table_format.writer(file, columns, header=True)
        try:
            yield writer
        finally:
            writer.close()


@contextmanager
def extend_table(url: str, size: int, columns: Sequence[str] = COLUMNS) -> Iterator[TableWriter]:
    """Open a local table to append rows after its first `size` bytes.

    The bytes after them are dropped, so that rows of an interrupted write are not written twice.
    """
    path = Path(url)
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(size)
        file.seek(0, os.SEEK_END)
        writer = _format(url).writer(file, columns, header=size == 0)
        try:
            yield writer
        finally:
            writer.close()


def read_table(url: str) -> Iterator[Row]:
    """Yield the rows of a results table, as a stream.

    Raises
    ------
    UnreadableTableError
        When the file is not a results table.
    """
    try:
        with fsspec.open(url, "rb") as file:
            for fields in _format(url).read(file):
                yield Row.from_fields({name: value for name, value in fields.items() if value is not None})
    except (ValueError, TypeError, KeyError, RecursionError, csv.Error) as error:
        raise UnreadableTableError(f"{url} is no table of results ({error})") from None


class _Csv:
    appends = True

    def check(self) -> None:
        """The standard library suffices."""

    def writer(self, file: Any, columns: Sequence[str], *, header: bool) -> TableWriter:
        return _CsvWriter(file, columns, header=header)

    def read(self, file: Any) -> Iterator[dict[str, Any]]:
        rows = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
        _check_columns(rows.fieldnames or ())
        for row in rows:
            if None in row or None in row.values():
                raise ValueError(f"line {rows.line_num} has another number of columns")
            yield {name: _parse_csv_cell(name, text) for name, text in row.items()}


class _CsvWriter:
    def __init__(self, file: Any, columns: Sequence[str], *, header: bool) -> None:
        # File names need not be valid UTF-8, but the table must be.
        self._text = io.TextIOWrapper(
            file, encoding="utf-8", errors="backslashreplace", newline="", write_through=True
        )
        self._columns = columns
        self._writer = csv.writer(self._text, lineterminator="\n")
        if header:
            self._writer.writerow(columns)

    def write(self, rows: Sequence[Row]) -> None:
        self._writer.writerows(zip(*(_csv_cells(rows, name) for name in self._columns), strict=True))

    def close(self) -> None:
        self._text.detach()


class _JsonLines:
    appends = True

    def check(self) -> None:
        """The standard library suffices."""

    def writer(self, file: Any, columns: Sequence[str], *, header: bool) -> TableWriter:
        return _JsonLinesWriter(file, columns)

    def read(self, file: Any) -> Iterator[dict[str, Any]]:
        for line in file:
            fields = json.loads(line)
            if not isinstance(fields, dict):
                raise TypeError("a line is no JSON object")
            _check_columns(fields)
            yield fields


class _JsonLinesWriter:
    def __init__(self, file: Any, columns: Sequence[str]) -> None:
        self._file = file
        self._columns = columns

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            line = json.dumps({name: getattr(row, name) for name in self._columns}, ensure_ascii=False)
            self._file.write(f"{line}\n".encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Rows are written at once, so there is nothing to flush."""


class _Parquet:
    appends = False

    def check(self) -> None:
        _pyarrow()

    def writer(self, file: Any, columns: Sequence[str], *, header: bool) -> TableWriter:
        return _ParquetWriter(file, columns)

    def read(self, file: Any) -> Iterator[dict[str, Any]]:
        arrow = _pyarrow()
        import pyarrow.parquet

        try:
            table = pyarrow.parquet.ParquetFile(file)
            _check_columns(table.schema_arrow.names)
            for batch in table.iter_batches(_CHUNK):
                yield from batch.to_pylist()
        except (arrow.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise ValueError(error) from None  # pyarrow has damage as an OSError, too


class _ParquetWriter:
    def __init__(self, file: Any, columns: Sequence[str]) -> None:
        arrow = _pyarrow()
        import pyarrow.parquet

        types = {
            "confidence": arrow.float64(),
            CHARACTERS: arrow.list_(arrow.float64()),
            REJECTED: arrow.bool_(),
        }
        self._columns = columns
        self._schema = arrow.schema([(name, types.get(name, arrow.string())) for name in columns])
        self._batch = arrow.RecordBatch.from_pylist
        self._writer = pyarrow.parquet.ParquetWriter(file, self._schema)

    def write(self, rows: Sequence[Row]) -> None:
        values = [{name: _escape_undecodable(getattr(row, name)) for name in self._columns} for row in rows]
        self._writer.write_batch(self._batch(values, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


_FORMATS: dict[str, TableFormat] = {".csv": _Csv(), ".jsonl": _JsonLines(), ".parquet": _Parquet()}


def _format(url: str) -> TableFormat:
    table_format = _FORMATS.get(PurePosixPath(url).suffix.lower())
    if table_format is None:
        raise TableError(f"cannot write {url}: end its name in {', '.join(_FORMATS)}")
    return table_format


def _check_columns(names: Iterable[str]) -> None:
    missing = [name for name in COLUMNS if name not in names]
    unknown = [name for name in names if name not in Row._fields]
    if missing or unknown:
        raise ValueError(f"its columns are not {', '.join(COLUMNS)}")


def _csv_cells(rows: Sequence[Row], name: str) -> Iterable[Any]:
    """Return the cells of a CSV column: six decimals or more, lists separated by spaces."""
    values: Iterable[Any] = map(attrgetter(name), rows)
    if name == "confidence":
        return ["" if value is None else _confidence_text(value) for value in values]
    if name == CHARACTERS:
        return [" ".join(map(_confidence_text, value or ())) for value in values]
    if name == REJECTED:
        return ["" if value is None else str(value).lower() for value in values]
    return values


def _confidence_text(value: float) -> str:
    """Return a confidence with six decimals, and more where they would say 0 or 1 of what is neither."""
    text = f"{value:.6f}"
    return probability_text(value, 6) if text in _ROUNDED else text


def _parse_csv_cell(name: str, text: str) -> Any:
    """Return the value of a cell in the column of that name."""
    if name in ("text", "error"):
        return text
    if text == "":
        return None
    if name == "confidence":
        return float(text)
    if name == CHARACTERS:
        return [float(confidence) for confidence in text.split()]
    return text == "true" if name == REJECTED else text


def _escape_undecodable(value: Any) -> Any:
    """Return a string with undecodable bytes of file names escaped, any other value as it is."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise MissingExtraError("writing Parquet", "parquet") from None
    return pyarrow
