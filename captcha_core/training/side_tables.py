"""Tables beside a checkpoint, such as ``ours.suspects.csv``: CSV, written whole, replaced only where ours."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import ForeignOutputError, OutputExistsError, StorageError
from ..storage import AnyPath, as_path, whole

SUSPECTS = ("path", "label", "text", "confidence", "reason")
UNLABELLED = ("path", "text", "confidence", "agreement", "round", "reason")
"""The columns of the tables."""


@dataclass(frozen=True)
class SideTable:
    """A table beside a checkpoint.

    Attributes
    ----------
    path
        Where it goes.
    data
        Its bytes; without rows it is not written, and an older one goes.
    """

    path: AnyPath
    columns: Sequence[str]
    data: bytes = b""

    @classmethod
    def beside(cls, out: str, columns: Sequence[str], rows: Iterable[Sequence[object]] = ()) -> "SideTable":
        """Return the table of these columns beside the checkpoint `out`."""
        name = {SUSPECTS: "suspects", UNLABELLED: "unlabelled"}[tuple(columns)]
        return cls(as_path(f"{out}.{name}.csv"), columns, _csv(columns, rows))

    @property
    def has_rows(self) -> bool:
        return self.data.count(b"\n") > 1

    def check(self, *, overwrite: bool) -> None:
        """Check that the table may be written: it is there already, or nothing is, or what may be replaced.

        Raises
        ------
        OutputExistsError
            When there is another one of these columns, and it is not to be replaced.
        ForeignOutputError
            When anything else stands there.
        StorageError
            When that cannot be read just now.
        """
        if not self.path.is_symlink() and not self.path.exists():
            return
        if self.path.is_symlink() or not self.path.is_file() or not self._is_ours():
            raise ForeignOutputError(f"{self.path} is no table that a training of capq wrote")
        if not overwrite and _bytes(self.path) != self.data:
            raise OutputExistsError(f"{self.path} is there already")

    def publish(self, *, overwrite: bool) -> None:
        """Write the table or, where it has no rows, remove an older one; raises as `check` does."""
        self.check(overwrite=overwrite)
        if not self.has_rows:
            self.path.unlink(missing_ok=True)
            return
        with whole.whole_file(str(self.path)) as file:
            file.write(self.data)

    def _is_ours(self) -> bool:
        return _bytes(self.path).split(b"\n", 1)[0] == ",".join(self.columns).encode()


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    # File names need not be valid UTF-8, but the table must be.
    return text.getvalue().encode("utf-8", "backslashreplace")


def _bytes(path: AnyPath) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
