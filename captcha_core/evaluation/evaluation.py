"""Evaluation: how well answers match the true texts, in counts that add up across batches."""

import heapq
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..codecs.answer import Answer
from .alignment import align_characters
from .rate import Rate

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

BINS = 20  # intervals of confidence, for the calibration error
THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
MISTAKES = 48  # kept by image name; all others are only counted


class Mistake(NamedTuple):
    """A wrong text: the image's name, the true text, the text read and its confidence."""

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
        Mean confidence of its images.
    accuracy
        Share of its images whose whole text is right.
    """

    low: float
    high: float
    confidence: float
    accuracy: Rate


@dataclass(frozen=True)
class Evaluation:
    """Counts over answers and their true texts; ``a + b`` is the evaluation of both together.

    An image that could not be decoded counts as wrong in the accuracy, and nowhere else.

    Attributes
    ----------
    images, right, unreadable
        Number of answers, of those whose text is the true one, and of those with an error.
    edits
        Sum of the edit distances between true text and answer.
    positions, positions_right
        By index into the true text: number of characters, and of those read right.
    character_pairs
        Aligned (true, read) characters. An empty string stands for no character: ``("A", "")`` is
        a deleted A, ``("", "A")`` an inserted one.
    bins, bins_right, bins_confidence
        By interval of confidence: number of images, of right ones, and sum of the confidences in
        millionths.
    kept, kept_right
        By threshold: number of images of at least that confidence, and of the right ones.
    mistakes
        The `MISTAKES` most confident wrong answers, most confident first: those that a threshold
        does not reject, and wrong labels.
    """

    images: int = 0
    right: int = 0
    unreadable: int = 0
    edits: int = 0
    positions: Counter[int] = field(default_factory=Counter, metadata={"json": "seen"})
    positions_right: Counter[int] = field(default_factory=Counter, metadata={"json": "matched"})
    character_pairs: Counter[tuple[str, str]] = field(default_factory=Counter, metadata={"json": "pairs"})
    bins: Counter[int] = field(default_factory=Counter)
    bins_right: Counter[int] = field(default_factory=Counter)
    bins_confidence: Counter[int] = field(default_factory=Counter)  # integers, so that sums are exact
    kept: Counter[float] = field(default_factory=Counter)
    kept_right: Counter[float] = field(default_factory=Counter)
    mistakes: tuple[Mistake, ...] = ()

    @classmethod
    def count(
        cls, answers: Iterable[tuple[str, Answer]], names: Sequence[str] = (), *, ignore_case: bool = False
    ) -> "Evaluation":
        """Evaluate answers against their true texts.

        Parameters
        ----------
        answers
            (true text, answer) pairs.
        names
            Names of the images, one for each pair; without them no mistakes are kept.
        ignore_case
            Compare without regard to case: all texts are counted, and kept, in lower case.
        """
        pairs = [_case_folded(*pair) for pair in answers] if ignore_case else list(answers)
        evaluation = cls(mistakes=_mistakes(pairs, names) if names else ())
        counts: dict[str, Any] = {"images": 0, "right": 0, "unreadable": 0, "edits": 0}
        for truth, answer in pairs:
            counts["images"] += 1
            counts["unreadable"] += answer.error is not None
            if answer.error is None:
                counts["right"] += truth == answer.text
                counts["edits"] += evaluation._count_characters(truth, answer.text)
                evaluation._count_confidence(answer.confidence, right=truth == answer.text)
        return replace(evaluation, **counts)

    def __add__(self, other: "Evaluation") -> "Evaluation":
        return Evaluation(**{field.name: _sum(self, other, field.name) for field in fields(self)})

    def to_json(self) -> str:
        """Return the counts as JSON, from which `from_json` makes an equal evaluation."""
        values = ((key, getattr(self, name)) for name, key in _json_keys().items())
        return json.dumps(
            {key: list(value.items()) if isinstance(value, Counter) else value for key, value in values}
        )

    @classmethod
    def from_json(cls, text: str) -> "Evaluation":
        """Return the evaluation that `to_json` wrote."""
        counts = json.loads(text)
        values = {name: counts[key] for name, key in _json_keys().items()}
        mistakes = tuple(Mistake(*mistake) for mistake in values.pop("mistakes"))
        counters = {
            name: _counter_from_json(value) for name, value in values.items() if isinstance(value, list)
        }
        return cls(**values | counters, mistakes=mistakes)

    def _count_characters(self, truth: str, text: str) -> int:
        """Count the aligned characters, and return the edit distance."""
        edits = 0
        for position, true, read in align_characters(truth, text):
            self.character_pairs[true, read] += 1
            edits += true != read
            if true:
                self.positions[position] += 1
                self.positions_right[position] += true == read
        return edits

    def _count_confidence(self, confidence: float, *, right: bool) -> None:
        index = min(BINS - 1, int(confidence * BINS))
        self.bins[index] += 1
        self.bins_right[index] += right
        self.bins_confidence[index] += round(confidence * 1e6)
        for threshold in THRESHOLDS:
            if confidence >= threshold:
                self.kept[threshold] += 1
                self.kept_right[threshold] += right

    @property
    def accuracy(self) -> Rate:
        """Share of images whose whole text is right."""
        return Rate(self.right, self.images)

    @property
    def character_accuracy(self) -> Rate:
        """Share of the true characters that are read right."""
        return Rate(self.positions_right.total(), self.positions.total())

    def by_position(self) -> list[Rate]:
        """Return the accuracy of characters at each position of the true text."""
        return [Rate(self.positions_right[index], self.positions[index]) for index in sorted(self.positions)]

    def by_character(self) -> dict[str, Rate]:
        """Return the accuracy by true character."""
        totals: Counter[str] = Counter()
        for (true, _), count in self.character_pairs.items():
            totals[true] += count
        return {true: Rate(self.character_pairs[true, true], totals[true]) for true in sorted(totals) if true}

    def confusions(self, limit: int | None = 20) -> list[tuple[str, str, int]]:
        """Return confused characters, (true, read, count), most frequent first; None returns all."""
        confusions = [
            (true, read, count) for (true, read), count in self.character_pairs.items() if true != read
        ]
        return sorted(confusions, key=lambda confusion: (-confusion[2], confusion[:2]))[:limit]

    def confusion_matrix(self, charset: str) -> "npt.NDArray[np.int64]":
        """Return the confusion matrix of a charset of n characters.

        Returns
        -------
        int64 (n + 1, n + 1): rows are true characters, columns are characters read; the last row
        and column stand for no character (insertions and deletions).
        """
        # Imported here, so that a process that only adds counts up never loads numpy.
        import numpy as np

        indices = {character: index for index, character in enumerate([*charset, ""])}
        matrix = np.zeros((len(charset) + 1, len(charset) + 1), np.int64)
        for (true, read), count in self.character_pairs.items():
            if true in indices and read in indices:
                matrix[indices[true], indices[read]] += count
        return matrix

    def calibration_error(self) -> float | None:
        """Return the expected calibration error (Naeini et al., 2015); None without texts.

        That is the mean gap between confidence and accuracy over the intervals of confidence,
        weighted by their numbers of images.
        """
        count = self.bins.total()
        gaps = (abs(self.bins_confidence[index] / 1e6 - self.bins_right[index]) for index in self.bins)
        return sum(gaps) / count if count else None

    def reliability_curve(self) -> list[Bin]:
        """Return the points of a reliability diagram: the intervals of confidence that have images."""
        return [
            Bin(
                index / BINS,
                (index + 1) / BINS,
                self.bins_confidence[index] / 1e6 / count,
                Rate(self.bins_right[index], count),
            )
            for index, count in sorted(self.bins.items())
            if count
        ]

    def rejection_curve(self) -> list[tuple[float, Rate, Rate]]:
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
        """Return all figures as values for JSON."""
        return {
            "images": self.images,
            "unreadable": self.unreadable,
            "accuracy": self.accuracy.summary(),
            "characters": self.character_accuracy.summary(),
            "edit_distance": self.edits,
            "by_position": [rate.summary() for rate in self.by_position()],
            "by_character": {character: rate.summary() for character, rate in self.by_character().items()},
            "confusions": [
                {"true": true, "read": read, "count": count} for true, read, count in self.confusions()
            ],
            "calibration_error": self.calibration_error(),
            "reliability": [
                {
                    "low": interval.low,
                    "high": interval.high,
                    "confidence": interval.confidence,
                    "accuracy": interval.accuracy.summary(),
                }
                for interval in self.reliability_curve()
            ],
            "rejection": [
                {"threshold": threshold, "kept": kept.value, "accuracy": accuracy.summary()}
                for threshold, kept, accuracy in self.rejection_curve()
            ],
            "mistakes": [mistake._asdict() for mistake in self.mistakes],
        }


def _json_keys() -> dict[str, str]:
    """Return the JSON key of each field; some differ from the field's name, and must stay as they are."""
    return {field.name: field.metadata.get("json", field.name) for field in fields(Evaluation)}


def _counter_from_json(pairs: list[list[Any]]) -> Counter[Any]:
    """Return a counter from [key, count] pairs of JSON, which turns tuples into lists."""
    return Counter({tuple(key) if isinstance(key, list) else key: count for key, count in pairs})


def _case_folded(truth: str, answer: Answer) -> tuple[str, Answer]:
    return truth.casefold(), replace(answer, text=answer.text.casefold())


def _mistakes(pairs: Sequence[tuple[str, Answer]], names: Sequence[str]) -> tuple[Mistake, ...]:
    return _most_confident(
        Mistake(name, truth, answer.text, round(answer.confidence, 6))
        for name, (truth, answer) in zip(names, pairs, strict=True)
        if answer.error is None and answer.text != truth
    )


def _most_confident(mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    ranked = heapq.nsmallest(MISTAKES, mistakes, key=lambda mistake: (-mistake.confidence, mistake.image))
    return tuple(ranked)


def _sum(a: Evaluation, b: Evaluation, name: str) -> Any:
    left, right = getattr(a, name), getattr(b, name)
    if isinstance(left, int):
        return left + right
    if isinstance(left, tuple):
        return _most_confident(left + right)
    total = Counter(left)
    total.update(right)  # the + of counters would drop zeros
    return total
