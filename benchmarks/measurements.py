"""Measured accuracies in a file of JSON lines, which an interrupted run goes on with."""

import os
from collections.abc import Sequence
from pathlib import Path

import pydantic

from captcha_core.evaluation import Rate

_START = '{"conditions"'  # of a line


class Conditions(pydantic.BaseModel):
    """All that decides what is measured.

    Attributes
    ----------
    images, images_digest
        Name of the set, and `LabelledSet.digest`.
    reader
        As the tables show it.
    version
        Of the reader: a package's version, or the digest of the checkpoint that it reads with or
        starts from; empty for a network from nothing.
    labels
        Number of labelled images learnt from; 0 at sight.
    seed, seconds, options
        Of the training: seed of the subset and of the network, budget, options of `capq train`.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    images: str
    images_digest: str
    reader: str
    version: str = ""
    labels: int = 0
    seed: int | None = None
    seconds: float | None = None
    options: str = ""


class Measurement(pydantic.BaseModel):
    """What was measured on the test images of a set.

    Attributes
    ----------
    count, right, right_exactly
        Number of images, of those whose text is the label with case folded, and as it stands.
    took
        Seconds: of reading at sight, or of the whole `capq train`.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    conditions: Conditions
    count: int
    right: int
    right_exactly: int
    took: float

    @classmethod
    def score(
        cls, conditions: Conditions, labels: Sequence[str], texts: Sequence[str], took: float
    ) -> "Measurement":
        """Compare texts with labels, image by image."""
        pairs = list(zip(labels, texts, strict=True))
        return cls(
            conditions=conditions,
            count=len(pairs),
            right=sum(label.casefold() == text.casefold() for label, text in pairs),
            right_exactly=sum(label == text for label, text in pairs),
            took=round(took, 2),
        )

    @property
    def folded(self) -> Rate:
        return Rate(self.right, self.count)

    @property
    def exact(self) -> Rate:
        return Rate(self.right_exactly, self.count)


class Measurements:
    """The measurements of a file, and those added since."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._by_conditions = {each.conditions: each for each in _read(path)}

    def __contains__(self, conditions: Conditions) -> bool:
        return conditions in self._by_conditions

    def get(self, conditions: Conditions) -> Measurement | None:
        return self._by_conditions.get(conditions)

    def add(self, measurement: Measurement) -> None:
        """Keep a measurement, in the file as well."""
        self._by_conditions[measurement.conditions] = measurement
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(measurement.model_dump_json() + "\n")
            lines.flush()
            os.fsync(lines.fileno())


def _read(path: Path) -> list[Measurement]:
    """Read a file's measurements, and drop a last line that an interruption cut short."""
    if not path.exists():
        return []
    whole, newline, cut_short = path.read_text(encoding="utf-8").rpartition("\n")
    try:
        measurements = [Measurement.model_validate_json(line) for line in whole.splitlines()]
    except pydantic.ValidationError:
        raise _foreign(path) from None
    if cut_short[: len(_START)] != _START[: len(cut_short)]:
        raise _foreign(path)
    os.truncate(path, len((whole + newline).encode()))
    return measurements


def _foreign(path: Path) -> SystemExit:
    return SystemExit(f"{path} holds something else than this benchmark's results")
