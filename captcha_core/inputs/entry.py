"""One input image: what it is called, where its bytes lie, and what is known of it."""

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
        What it says, where that is known.
    row
        Its row of an earlier reading, which is kept.
    """

    path: str
    at: tuple[int, int] | None = None
    label: str | None = None
    row: Row | None = None

    def as_value(self) -> Any:
        """Return it as a JSON value: the path alone where there is no more to say."""
        return self.path if self[1:] == (None, None, None) else self

    @classmethod
    def of_value(cls, value: Any) -> "Entry":
        """Return the entry that such a value stands for."""
        if isinstance(value, str):
            return cls(value)
        path, at, label, row = value
        return cls(path, tuple(at) if at else None, label, Row.from_values(row) if row else None)
