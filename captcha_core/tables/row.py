"""A row of a results table: one input image."""

import json
from typing import Any, NamedTuple

COLUMNS = ("path", "text", "confidence", "error")
CHARACTERS, REJECTED, LABEL = "characters", "rejected", "label"
"""Columns that are there on request, in this order, after the others."""


class Row(NamedTuple):
    """One input image. A tuple, since a million of them go through JSON twice.

    Attributes
    ----------
    path
        Relative to what was read: a folder, an archive, a list's folder.
    text
        What the network reads; empty when the image could not be decoded.
    confidence
        The network's probability of the text, 0 … 1; None without a text.
    error
        Why there is no text; empty when there is one.
    characters
        The probability of each character, 0 … 1; None unless asked for.
    rejected
        Whether the confidence is under the bound, or there is no text; None without a bound.
    label
        What the image says, for those who know; None where nobody does.
    resized
        Whether the image was of another size than the network's. Not in tables.
    """

    path: str
    text: str = ""
    confidence: float | None = None
    error: str = ""
    characters: tuple[float, ...] | None = None
    rejected: bool | None = None
    label: str | None = None
    resized: bool = False

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "Row":
        """Return a row by its columns' names."""
        return cls(**fields)._with_tuple()

    @classmethod
    def of_list(cls, values: list[Any]) -> "Row":
        """Return the row that JSON made a list of."""
        return cls._make(values)._with_tuple()

    def as_json(self) -> str:
        """Return it as a JSON list. ASCII only, since names of files may be no UTF-8."""
        return json.dumps(self)

    @classmethod
    def from_json(cls, text: str) -> "Row":
        return cls.of_list(json.loads(text))

    def _with_tuple(self) -> "Row":
        return self if self.characters is None else self._replace(characters=tuple(self.characters))
