"""Tables beside a checkpoint, such as ``ours.suspects.csv``: CSV, written whole, replaced only where ours."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import ForeignOutputError, OutputExistsError, StorageError
from ..storage import whole


def check(path: Path, columns: Sequence[str], *, overwrite: bool) -> None:
    """Check that a table of these columns may be written to a path.

    Raises
    ------
    OutputExistsError
        When there is such a table, and it is not to be replaced.
    ForeignOutputError
        When anything else stands there.
    StorageError
        When it cannot be read just now.
    """
    if not whole.stands(path) and not path.is_dir():
        return
    if path.is_symlink() or not path.is_file() or not _has_columns(path, columns):
        raise ForeignOutputError(f"{path} is no table that a training of capq wrote")
    if not overwrite:
        raise OutputExistsError(f"{path} is there already")


def publish(
    path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]], *, overwrite: bool
) -> bool:
    """Write a table, unless it has no rows: then an older one of ours that may be replaced goes.

    Returns
    -------
    Whether the table is there.

    Raises
    ------
    OutputExistsError, ForeignOutputError, StorageError
        As `check` raises them, but not for a table that has these rows already.
    """
    data = _table(columns, rows)
    has_rows = data.count(b"\n") > 1
    if path.is_file() and _bytes(path) == data:
        return has_rows
    check(path, columns, overwrite=overwrite)
    if has_rows:
        with whole.whole_file(path) as file:
            file.write(data)
    else:
        path.unlink(missing_ok=True)
    return has_rows


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    # File names need not be valid UTF-8, but the table must be.
    return text.getvalue().encode("utf-8", "backslashreplace")


def _has_columns(path: Path, columns: Sequence[str]) -> bool:
    return _bytes(path).split(b"\n", 1)[0] == ",".join(columns).encode()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
