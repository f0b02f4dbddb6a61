"""What was found out about the labels of a folder: the pairs, the rule that gave them, what is left out."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pydantic

from ..errors import LabelError
from .listing import printable
from .unusable import unusable

SHOWN = 5
"""Pairs, and names of what is left out, that are shown."""

Pair = tuple[str, str]
"""An image's path in the folder, with ``/`` between its parts, and its label."""


class LabelOptions(pydantic.BaseModel):
    """How labels are looked for, as it travels to the workers.

    Attributes
    ----------
    pattern
        A regular expression that finds the label in a file's name, as its group ``label`` or its
        only group. A pattern with a ``/`` is searched in the path. Empty: labels are looked for.
    split
        Of a folder that is divided into training and test images, the part: ``train``, or ``test``
        (else ``validation``); empty for all images. A folder that is not divided is taken whole.
    ignore_case
        Whether upper and lower case of a letter are one: labels are folded to the commoner case.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    pattern: str = ""
    split: Literal["", "train", "test"] = ""
    ignore_case: bool = False

    def compiled(self) -> re.Pattern[str]:
        """Return the pattern.

        Raises
        ------
        LabelError
            When it is no regular expression, or has no group for the label.
        """
        try:
            compiled = re.compile(self.pattern)
        except re.error as error:
            raise LabelError(f"{self.pattern!r} is no regular expression: {error}") from None
        if "label" not in compiled.groupindex and compiled.groups != 1:
            raise LabelError(
                f"{self.pattern!r} does not say which part is the label: put it into (?P<label>…)"
            )
        return compiled


@dataclass(frozen=True)
class Labels:
    """The labels of a folder's images.

    Attributes
    ----------
    pairs
        Paths and labels, in reading order.
    rule
        What gave the labels, as a clause: ``labels.csv (columns filename and words)``.
    left_out
        Names by the reason why they are left out: images without a label, labels without an image.
    notes
        What else was reinterpreted, or passed over, a clause each.
    """

    pairs: tuple[Pair, ...] = ()
    rule: str = ""
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """Return JSON: the rule, the first pairs, and what is left out, each with its first names."""
        return {
            "rule": self.rule,
            "images": len(self.pairs),
            "pairs": [[printable(path), text] for path, text in self.pairs[:SHOWN]],
            "left_out": {
                reason: {"count": len(names), "first": [printable(name) for name in names[:SHOWN]]}
                for reason, names in self.left_out.items()
            },
            "notes": list(self.notes),
        }


class LeftOut:
    """Collects names by the reason why they are left out."""

    def __init__(self, reasons: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self._names: dict[str, list[str]] = {reason: list(names) for reason, names in (reasons or {}).items()}

    def add(self, reason: str, name: str) -> None:
        self._names.setdefault(reason, []).append(name)

    def update(self, reason: str, names: Iterable[str]) -> None:
        for name in names:
            self.add(reason, name)

    def count(self, reason: str) -> int:
        return len(self._names.get(reason, ()))

    def result(self) -> dict[str, tuple[str, ...]]:
        return {reason: tuple(names) for reason, names in self._names.items()}


def usable_pairs(pairs: Iterable[Pair], left_out: LeftOut, *, most: float) -> tuple[Pair, ...]:
    """Return the pairs whose labels a network can have; the others are left out.

    Parameters
    ----------
    most
        The share of the labels that may be at fault. Images without a text do not count.

    Raises
    ------
    LabelError
        When more are: then the rule is wrong, not the labels.
    """
    usable, faulty = [], []
    for path, label in pairs:
        text = label if label.isascii() else unicodedata.normalize("NFC", label)
        fault = unusable(text)
        if not fault:
            usable.append((path, text))
            continue
        left_out.add(fault, path)
        if text:
            faulty.append((path, text, fault))
    if len(faulty) > most * (len(usable) + len(faulty)):
        path, text, fault = faulty[0]
        raise LabelError(
            f"{len(faulty):,} of {len(usable) + len(faulty):,} labels cannot be learnt, "
            f"the first of them {text[:80]!r} of {path}: {fault}"
        )
    return tuple(usable)
