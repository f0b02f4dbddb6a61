"""One input image: what it is called, where its bytes lie, and what is known of it."""

import json
from dataclasses import dataclass
from typing import Any

from ..errors import ImageError
from ..results import Row

Item = str | bytes | ImageError
"""What a solver reads: a local file's path, an image's bytes; or why there is nothing to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
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

    def as_json(self) -> str:
        """Return one line: the path alone as a string, or an object where there is more to say."""
        more: dict[str, Any] = {}
        if self.at is not None:
            more["at"] = self.at
        if self.label is not None:
            more["label"] = self.label
        if self.row is not None:
            more["row"] = self.row.fields()
        return json.dumps({"path": self.path} | more if more else self.path)

    @classmethod
    def from_json(cls, line: str) -> "Entry":
        value = json.loads(line)
        if isinstance(value, str):
            return cls(path=value)
        at, row = value.get("at"), value.get("row")
        return cls(
            path=value["path"],
            at=(at[0], at[1]) if at else None,
            label=value.get("label"),
            row=Row.of(row) if row else None,
        )
