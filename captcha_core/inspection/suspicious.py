"""Labels that a network reads otherwise."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..codecs.answer import Answer

_SURE = 0.9
_MOST = 100


class Suspicion(NamedTuple):
    """A label, and what a network reads instead."""

    name: str
    label: str
    text: str
    confidence: float


class Suspicions:
    """Compares labels with a network's answers.

    Attributes
    ----------
    first
        The labels that a network reads otherwise with a confidence of 0.9 or more, most confident
        first, a hundred at the most. Those that differ in case alone are not among them.
    count
        How many there are.
    read, right
        Number of images that were read, and of those whose text is the label.
    case_alone
        Number of images whose text is the label in another case.
    """

    def __init__(self, answers: Iterable[tuple[str, str, Answer]]) -> None:
        self.read = self.right = self.case_alone = 0
        doubtful = []
        for name, label, answer in answers:
            if answer.error:
                continue
            self.read += 1
            if answer.text == label:
                self.right += 1
            elif answer.text.casefold() == label.casefold():
                self.case_alone += 1
            elif answer.confidence >= _SURE:
                doubtful.append(Suspicion(name, label, answer.text, answer.confidence))
        self.count = len(doubtful)
        self.first = sorted(doubtful, key=lambda suspicion: -suspicion.confidence)[:_MOST]

    def describe(self) -> dict[str, Any]:
        """Return JSON."""
        return {
            "read": self.read,
            "right": self.right,
            "case_alone": self.case_alone,
            "count": self.count,
            "first": [suspicion._asdict() for suspicion in self.first],
        }
