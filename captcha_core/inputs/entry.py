"""One input image: its path, where its bytes lie, its label and its earlier row."""

from typing import Any, NamedTuple

from ..errors import ImageError
from ..tables import Row

Item = str | bytes | ImageError
"""What a solver reads: a local file's path, an image's bytes; or why there is nothing to read."""


class Entry(NamedTuple):
    """An image that is to be read.

    Attributes
    ----------
    path
        Its name in the results: relative to a folder, a member of an archive, a line of a list.
        Names out of archives are keys only; nothing is ever written under them.
    at
        Offset and size in bytes of its data in a tar file.
    label
        The ground-truth label; None if unknown.
    row
        Its row of an earlier reading, which is kept.
    """

    path: str
    at: tuple[int, int] | None = None
    label: str | None = None
    row: Row | None = None

    def as_value(self) -> Any:
        """Return it as a JSON value: the path alone when there is nothing else."""
        return self.path if self[1:] == (None, None, None) else self

    @classmethod
    def from_value(cls, value: Any) -> "Entry":
        """Return the entry that such a value stands for."""
        if isinstance(value, str):
            return cls(value)
        path, at, label, row = value
        return cls(path, tuple(at) if at else None, label, Row.from_values(row) if row else None)
