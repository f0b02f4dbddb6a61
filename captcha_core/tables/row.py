"""A row of a results table: one input image."""

import json
from typing import Any, NamedTuple

COLUMNS = ("path", "text", "confidence", "error")
CHARACTERS, REJECTED, LABEL = "characters", "rejected", "label"
"""Optional columns, in this order, after the others."""


class Row(NamedTuple):
    """One input image. A tuple for speed: each of a million rows is written to JSON and read back.

    Attributes
    ----------
    path
        The image's path, relative to the source of the reading: a folder, an archive, a list's folder.
    text
        The text read; empty when the image could not be decoded.
    confidence
        The calibrated probability of the text, 0 to 1; None without a text.
    error
        Why there is no text; empty if there is one.
    characters
        The confidence of each character, 0 to 1; None unless requested.
    rejected
        Whether the confidence is under the threshold, or there is no text; None without a threshold.
    label
        The true text, if known, else None.
    resized
        Whether the image had to be resized to the network's input size, though the network was
        trained on images of this size alone. Not written to tables.
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
    def from_fields(cls, fields: dict[str, Any]) -> "Row":
        """Return a row from its values by column name; missing columns take their defaults."""
        return cls(**fields)._with_tuple()

    @classmethod
    def from_values(cls, values: list[Any]) -> "Row":
        """Return a row from its values in order, as JSON holds them."""
        return cls._make(values)._with_tuple()

    def to_json(self) -> str:
        """Return the row as a JSON list. ASCII only, since file names need not be valid UTF-8."""
        return json.dumps(self)

    @classmethod
    def from_json(cls, text: str) -> "Row":
        """Return the row that `to_json` wrote."""
        return cls.from_values(json.loads(text))

    def _with_tuple(self) -> "Row":
        """Return the row with its confidences as a tuple, which JSON turns into a list."""
        return self if self.characters is None else self._replace(characters=tuple(self.characters))
