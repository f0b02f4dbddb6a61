"""What was read: rows in part files while the work goes on, one table at its end."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import fsspec

from .errors import DatasetError, MissingExtraError

COLUMNS = ("path", "text", "confidence", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One input image.

    Attributes
    ----------
    path
        Relative to the directory that was read.
    text
        What the network reads; empty when the image could not be decoded.
    confidence
        The network's probability of the text, 0 … 1; None without a text.
    error
        Why there is no text; empty when there is one.
    """

    path: str
    text: str = ""
    confidence: float | None = None
    error: str = ""

    def as_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> "Row":
        return cls(**json.loads(line))


class TableWriter(Protocol):
    """Takes rows in order."""

    def write(self, rows: Iterable[Row]) -> None: ...


def check_format(url: str) -> None:
    """Make sure that a table can be written to `url`, before any work is done for it.

    Raises
    ------
    DatasetError
        When its ending names no known format.
    MissingExtraError
        When the format needs a package that is not installed.
    """
    _format(url)
    if _ending(url) == ".parquet":
        _pyarrow()


@contextmanager
def open_table(url: str) -> Iterator[TableWriter]:
    """Open a results table, CSV, JSON lines or Parquet by its ending; it appears when it is whole."""
    opener = _format(url)
    if "://" in url:
        # Object stores publish a file when it is closed.
        with fsspec.open(url, "wb") as file, opener(file) as writer:
            yield writer
        return
    target = Path(url)
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        with temporary.open("wb") as file, opener(file) as writer:
            yield writer
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


class _Csv:
    def __init__(self, file: Any) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def write(self, rows: Iterable[Row]) -> None:
        for row in rows:
            confidence = "" if row.confidence is None else f"{row.confidence:.6f}"
            self._writer.writerow((row.path, row.text, confidence, row.error))

    def close(self) -> None:
        self._text.detach()


class _JsonLines:
    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, rows: Iterable[Row]) -> None:
        self._file.writelines(f"{row.as_json()}\n".encode() for row in rows)

    def close(self) -> None:
        """Nothing is held back."""


class _Parquet:
    def __init__(self, file: Any) -> None:
        arrow = _pyarrow()
        import pyarrow.parquet

        kinds = (arrow.string(), arrow.string(), arrow.float64(), arrow.string())
        self._schema = arrow.schema(list(zip(COLUMNS, kinds, strict=True)))
        self._batch = arrow.RecordBatch.from_pylist
        self._writer = pyarrow.parquet.ParquetWriter(file, self._schema)

    def write(self, rows: Iterable[Row]) -> None:
        self._writer.write_batch(self._batch([asdict(row) for row in rows], schema=self._schema))

    def close(self) -> None:
        self._writer.close()


_FORMATS: dict[str, Callable[[Any], Any]] = {".csv": _Csv, ".jsonl": _JsonLines, ".parquet": _Parquet}


def _format(url: str) -> Callable[[Any], AbstractContextManager[TableWriter]]:
    writer = _FORMATS.get(_ending(url))
    if writer is None:
        raise DatasetError(f"cannot write {url}: end its name in {', '.join(_FORMATS)}")

    @contextmanager
    def opened(file: Any) -> Iterator[TableWriter]:
        table = writer(file)
        try:
            yield table
        finally:
            table.close()

    return opened


def _ending(url: str) -> str:
    return PurePosixPath(url).suffix.lower()


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise MissingExtraError("writing Parquet", "parquet") from None
    return pyarrow
