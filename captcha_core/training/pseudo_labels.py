"""Pseudo-labels: what a network reads in unlabelled images, kept where it is sure of it (Lee, 2013)."""

from collections.abc import Iterator

import numpy as np
import pydantic

from ..storage import AnyPath
from . import unlabelled
from .data import InMemory
from .plan import SelfTraining, TrainingPlan
from .run_folder import RunFolder

KEPT = "kept"
"""The reason in the row of an image that was trained on; other rows say why it was not."""

_FILE = "read.json"


class Text(pydantic.BaseModel):
    """What a network read in an unlabelled image.

    Attributes
    ----------
    path, text, confidence
        The image, its text, and the calibrated probability of it.
    agreement
        Share of the augmented copies in which the same text was read; 1 without copies.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    path: str
    text: str
    confidence: float
    agreement: float

    def reason(self, rule: SelfTraining) -> str:
        """Say that the text is kept, or why not."""
        if self.confidence < rule.confidence:
            return "not sure"
        return KEPT if self.agreement >= rule.agreement else "copies read otherwise"


_TEXTS = pydantic.TypeAdapter(list[Text])


def save(round_folder: RunFolder, part: int, read: list[Text]) -> None:
    """Keep what was read in a part's images for a round.

    Raises
    ------
    NotOwnerError, StorageError
        As `RunFolder.subfolder` raises them.
    """
    with round_folder.subfolder(_name(part), _FILE) as aside:
        (aside / _FILE).write_bytes(_TEXTS.dump_json(read))


def is_read(round_path: AnyPath, part: int) -> bool:
    """Tell whether a part's images are read for a round."""
    return (round_path / _name(part) / _FILE).is_file()


def texts(round_path: AnyPath) -> Iterator[list[Text]]:
    """Yield what was read for a round, part by part."""
    for part in range(unlabelled.listing(round_path.parent).parts):
        if is_read(round_path, part):
            yield _TEXTS.validate_json((round_path / _name(part) / _FILE).read_bytes())


def count(round_path: AnyPath, rule: SelfTraining) -> int:
    """Return how many images a round keeps."""
    return sum(text.reason(rule) == KEPT for part in texts(round_path) for text in part)


def kept(round_path: AnyPath, plan: TrainingPlan, rule: SelfTraining) -> InMemory:
    """Return the images that a round keeps, at least one, with their texts."""
    images, labels = [], list[str]()
    for part, read in enumerate(texts(round_path)):
        rows = [row for row, text in enumerate(read) if text.reason(rule) == KEPT]
        images.append(unlabelled.part(round_path.parent, part).images[rows])
        labels += [read[row].text for row in rows]
    return InMemory(np.concatenate(images), labels, plan.seed, grey=plan.problem.grey, held_out=0.0)


def rows(run: AnyPath, phase: str, rule: SelfTraining) -> Iterator[tuple[object, ...]]:
    """Yield the rows of `side_tables.UNLABELLED`: images that are not read, then those read in each round."""
    for path, reason in unlabelled.refused(run):
        yield path, "", "", "", "", reason
    for number in range(1, rule.rounds + 1):
        for part in texts(run / f"round-{phase}{number}"):
            for text in part:
                confidence, agreement = f"{text.confidence:.6f}", f"{text.agreement:.2f}"
                yield text.path, text.text, confidence, agreement, number, text.reason(rule)


def _name(part: int) -> str:
    return f"read-{part:04d}"
