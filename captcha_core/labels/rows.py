"""The rows of label files, whatever their format."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple


class LabelRow(NamedTuple):
    """A label, and what it is a label of.

    Attributes
    ----------
    number
        The line or record in the file, from 1.
    image
        What the file calls the image.
    text
        The label, without white space around it.
    """

    number: int
    image: str
    text: str


@dataclass(frozen=True)
class LabelFile:
    """A label file that is understood.

    Attributes
    ----------
    name
        Its path.
    detail
        How it is understood, as a clause: ``columns filename and words``.
    rows
        Yields its labels, streaming.
    note
        What was reinterpreted, as a clause; empty for nothing.
    """

    name: str
    detail: str
    rows: Callable[[], Iterator[LabelRow]]
    note: str = ""

    @property
    def rule(self) -> str:
        return f"{self.name} ({self.detail})"
