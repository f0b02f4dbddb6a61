"""Evaluation: how well readings match the truth, in figures that add up across batches."""

import heapq
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from ..codecs.answer import Answer
from .alignment import aligned
from .rate import Rate

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

BINS = 20  # of confidence, for the calibration error
THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
MISTAKES = 48  # kept with their images' names, however many there are


class Mistake(NamedTuple):
    """A text that was read with a fault: the image's name, what it says, what was read, how surely."""

    image: str
    true: str
    read: str
    confidence: float


@dataclass(frozen=True)
class Bin:
    """An interval of confidence, `low` to `high`.

    Attributes
    ----------
    confidence
        The mean over its images.
    accuracy
        Share of its images whose whole text is right.
    """

    low: float
    high: float
    confidence: float
    accuracy: Rate


@dataclass(frozen=True)
class Evaluation:
    """Counts over (truth, reading) pairs; ``a + b`` is the evaluation of both together.

    An image that could not be read counts as a wrong image, and nowhere else.

    Attributes
    ----------
    images, right, unreadable
        Pairs; texts read without a fault; readings with an error.
    edits
        Sum of the edit distances between truth and reading.
    seen, matched
        By position of the truth, from 0: characters there, and those read right.
    pairs
        (true, read) characters of the alignment. An empty string stands for no character:
        ``("A", "")`` is an A left out, ``("", "A")`` one too many.
    bins, bins_right, bins_confidence
        By interval of confidence: images, right ones, sum of the confidences.
    kept, kept_right
        By threshold: images at least that confident, and the right ones among them.
    mistakes
        The most confident ones, surest first and `MISTAKES` at the most: those that a threshold
        lets through, and wrong labels.
    """

    images: int = 0
    right: int = 0
    unreadable: int = 0
    edits: int = 0
    seen: Counter[int] = field(default_factory=Counter)
    matched: Counter[int] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    bins: Counter[int] = field(default_factory=Counter)
    bins_right: Counter[int] = field(default_factory=Counter)
    bins_confidence: Counter[int] = field(default_factory=Counter)  # of millionths, to add up exactly
    kept: Counter[float] = field(default_factory=Counter)
    kept_right: Counter[float] = field(default_factory=Counter)
    mistakes: tuple[Mistake, ...] = ()

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, Answer]], names: Sequence[str] = ()) -> "Evaluation":
        """Count (truth, reading) pairs.

        Parameters
        ----------
        names
            Of the images; without them no mistakes are kept.
        """
        pairs = list(pairs)
        total = cls(mistakes=_mistakes(pairs, names) if names else ())
        counts = {"images": 0, "right": 0, "unreadable": 0, "edits": 0}
        for truth, reading in pairs:
            counts["images"] += 1
            counts["unreadable"] += reading.error is not None
            if reading.error is None:
                counts["right"] += truth == reading.text
                counts["edits"] += total._count_characters(truth, reading.text)
                total._count_confidence(reading.confidence, right=truth == reading.text)
        return cls(**{each.name: getattr(total, each.name) for each in fields(cls)} | counts)

    def __add__(self, other: "Evaluation") -> "Evaluation":
        return Evaluation(**{each.name: _sum(self, other, each.name) for each in fields(self)})

    def to_json(self) -> str:
        """Return the counts as JSON, from which `from_json` makes an equal evaluation."""
        values = ((each.name, getattr(self, each.name)) for each in fields(self))
        return json.dumps(
            {name: list(value.items()) if isinstance(value, Counter) else value for name, value in values}
        )

    @classmethod
    def from_json(cls, text: str) -> "Evaluation":
        """Return the evaluation that `to_json` wrote."""
        values = json.loads(text)
        mistakes = tuple(Mistake(*each) for each in values.pop("mistakes"))
        counters = {name: _counter(items) for name, items in values.items() if isinstance(items, list)}
        return cls(**values | counters, mistakes=mistakes)

    def _count_characters(self, truth: str, text: str) -> int:
        edits = 0
        for position, true, read in aligned(truth, text):
            self.pairs[true, read] += 1
            edits += true != read
            if true:
                self.seen[position] += 1
                self.matched[position] += true == read
        return edits

    def _count_confidence(self, confidence: float, *, right: bool) -> None:
        place = min(BINS - 1, int(confidence * BINS))
        self.bins[place] += 1
        self.bins_right[place] += right
        self.bins_confidence[place] += round(confidence * 1e6)
        for threshold in THRESHOLDS:
            if confidence >= threshold:
                self.kept[threshold] += 1
                self.kept_right[threshold] += right

    @property
    def accuracy(self) -> Rate:
        """Share of images whose whole text is right."""
        return Rate(self.right, self.images)

    @property
    def characters(self) -> Rate:
        """Share of the true characters that are read right."""
        return Rate(self.matched.total(), self.seen.total())

    def by_position(self) -> list[Rate]:
        """Return the share of right characters at each position of the truth."""
        return [Rate(self.matched[place], self.seen[place]) for place in sorted(self.seen)]

    def by_character(self) -> dict[str, Rate]:
        """Return, for each character of the truth, the share that is read right."""
        seen: Counter[str] = Counter()
        for (true, _), count in self.pairs.items():
            seen[true] += count
        return {true: Rate(self.pairs[true, true], seen[true]) for true in sorted(seen) if true}

    def confusions(self, most: int | None = 20) -> list[tuple[str, str, int]]:
        """Return the commonest faults, or all: (true, read, count), most frequent first."""
        wrong = [(true, read, count) for (true, read), count in self.pairs.items() if true != read]
        return sorted(wrong, key=lambda each: (-each[2], each[:2]))[:most]

    def confusion_matrix(self, charset: str) -> "npt.NDArray[np.int64]":
        """Return int64 (n + 1, n + 1): true characters down, read ones across, the last for none."""
        # Here, so that what only counts and adds up never loads numpy.
        import numpy as np

        places = {character: place for place, character in enumerate([*charset, ""])}
        places[""] = len(charset)
        matrix = np.zeros((len(charset) + 1, len(charset) + 1), np.int64)
        for (true, read), count in self.pairs.items():
            if true in places and read in places:
                matrix[places[true], places[read]] += count
        return matrix

    def calibration_error(self) -> float | None:
        """Return the expected calibration error: the mean gap of confidence and accuracy, by interval."""
        count = self.bins.total()
        gaps = (abs(self.bins_confidence[place] / 1e6 - self.bins_right[place]) for place in self.bins)
        return sum(gaps) / count if count else None

    def reliability(self) -> list[Bin]:
        """Return, for each interval of confidence that has images, what it promises and what is true."""
        return [
            Bin(
                place / BINS,
                (place + 1) / BINS,
                self.bins_confidence[place] / 1e6 / count,
                Rate(self.bins_right[place], count),
            )
            for place, count in sorted(self.bins.items())
            if count
        ]

    def rejection(self) -> list[tuple[float, Rate, Rate]]:
        """Return (threshold, share of images kept, accuracy among these) for each of `THRESHOLDS`."""
        return [
            (
                threshold,
                Rate(self.kept[threshold], self.images),
                Rate(self.kept_right[threshold], self.kept[threshold]),
            )
            for threshold in THRESHOLDS
        ]

    def summary(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "images": self.images,
            "unreadable": self.unreadable,
            "accuracy": self.accuracy.summary(),
            "characters": self.characters.summary(),
            "edit_distance": self.edits,
            "by_position": [rate.summary() for rate in self.by_position()],
            "by_character": {character: rate.summary() for character, rate in self.by_character().items()},
            "confusions": [{"true": a, "read": b, "count": count} for a, b, count in self.confusions()],
            "calibration_error": self.calibration_error(),
            "reliability": [
                {
                    "low": each.low,
                    "high": each.high,
                    "confidence": each.confidence,
                    "accuracy": each.accuracy.summary(),
                }
                for each in self.reliability()
            ],
            "rejection": [
                {"threshold": threshold, "kept": kept.value, "accuracy": among.summary()}
                for threshold, kept, among in self.rejection()
            ],
            "mistakes": [mistake._asdict() for mistake in self.mistakes],
        }


def _counter(items: list[list[Any]]) -> Counter[Any]:
    """Make a counter of JSON's pairs, whose keys were tuples where they are lists now."""
    return Counter({tuple(key) if isinstance(key, list) else key: count for key, count in items})


def _mistakes(pairs: Sequence[tuple[str, Answer]], names: Sequence[str]) -> tuple[Mistake, ...]:
    return _surest(
        Mistake(name, truth, reading.text, round(reading.confidence, 6))
        for name, (truth, reading) in zip(names, pairs, strict=True)
        if reading.error is None and reading.text != truth
    )


def _surest(mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    return tuple(heapq.nsmallest(MISTAKES, mistakes, key=lambda each: (-each.confidence, each.image)))


def _sum(a: Evaluation, b: Evaluation, name: str) -> Any:
    left, right = getattr(a, name), getattr(b, name)
    if isinstance(left, int):
        return left + right
    if isinstance(left, tuple):
        return _surest(left + right)
    total = Counter(left)
    total.update(right)  # Counter's own + would drop zeros
    return total
