"""Pseudo-labels: what a network reads in unlabelled images, kept where it is sure of it (Lee, 2013).

Sure means a calibrated confidence, and the same text in augmented copies of the image: a network that
has learnt few looks by heart is confident of wrong texts, but seldom of the same one throughout. The
idea of asking for consistency is that of FixMatch (Sohn et al., 2020), turned round: here it chooses.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pydantic
import torch
from torch import nn

from ..codecs.codec import Codec
from ..networks import devices
from . import augmentation, unlabelled
from .data import InMemory
from .plan import Augmentation, SelfTraining, TrainingPlan
from .run_folder import RunFolder

COLUMNS = ("path", "text", "confidence", "agreement", "round", "reason")
"""Of the table of unlabelled images."""

KEPT = "kept"
"""The reason in the row of an image that was trained on; other rows say why it was not."""

_FILE = "read.json"
_BATCH = 250


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
        return KEPT if self.agreement == 1 else "copies read otherwise"


_TEXTS = pydantic.TypeAdapter(list[Text])


def read_part(
    run: RunFolder,
    part: int,
    network: nn.Module,
    codec: Codec,
    plan: TrainingPlan,
    rule: SelfTraining,
    device: torch.device,
) -> None:
    """Read a part's images for the round whose folder `run` is.

    Parameters
    ----------
    network, codec
        Of the round before, in evaluation mode, with the temperature that calibrates it.

    Raises
    ------
    NotOwnerError, StorageError
        As `RunFolder.subfolder` raises them.
    """
    images = unlabelled.part(run.path.parent, part)
    texts = [
        text
        for start in range(0, len(images.paths), _BATCH)
        for text in _read(
            images.images[start : start + _BATCH], images.paths[start:], network, codec, plan, rule, device
        )
    ]
    with run.subfolder(_name(part)) as aside:
        (aside / _FILE).write_bytes(_TEXTS.dump_json(texts))


def is_read(round_path: Path, part: int) -> bool:
    """Tell whether a part's images are read for a round."""
    return (round_path / _name(part) / _FILE).is_file()


def texts(round_path: Path) -> Iterator[list[Text]]:
    """Yield what was read for a round, part by part."""
    for part in range(unlabelled.listing(round_path.parent).parts):
        if is_read(round_path, part):
            yield _TEXTS.validate_json((round_path / _name(part) / _FILE).read_bytes())


def kept(round_path: Path, plan: TrainingPlan, rule: SelfTraining) -> InMemory | None:
    """Return the images that a round trains on, with their texts; None where there are none."""
    images, labels = [], list[str]()
    for part, read in enumerate(texts(round_path)):
        rows = [row for row, text in enumerate(read) if text.reason(rule) == KEPT]
        images.append(unlabelled.part(round_path.parent, part).images[rows])
        labels += [read[row].text for row in rows]
    if not labels:
        return None
    return InMemory(np.concatenate(images), labels, plan.seed, grey=plan.problem.grey, held_out=0.0)


def rows(run: Path, rule: SelfTraining) -> Iterator[tuple[object, ...]]:
    """Yield the table's rows: the images that are not read, then those read, round by round."""
    for path, reason in unlabelled.refused(run):
        yield path, "", "", "", "", reason
    for number in range(1, rule.rounds + 1):
        for part in texts(run / f"round-{number}"):
            for text in part:
                confidence, agreement = f"{text.confidence:.6f}", f"{text.agreement:.2f}"
                yield text.path, text.text, confidence, agreement, number, text.reason(rule)


def _read(
    images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    paths: Sequence[str],
    network: nn.Module,
    codec: Codec,
    plan: TrainingPlan,
    rule: SelfTraining,
    device: torch.device,
) -> list[Text]:
    with torch.inference_mode():
        inputs = devices.normalised(
            devices.upload(np.array(images), device), plan.scaling.mean, plan.scaling.std
        )
        decoded = codec.decode(network(inputs).cpu().numpy())
        own = decoded.texts()
        agreeing = np.zeros(len(own))
        for _ in range(rule.copies):
            changed = augmentation.apply(inputs, plan.augmentation or Augmentation(), plan.scaling.std)
            copies = codec.decode(network(changed).cpu().numpy()).texts()
            agreeing += [text == copy for text, copy in zip(own, copies, strict=True)]
    agreement = agreeing / rule.copies if rule.copies else np.ones(len(own))
    answers = zip(paths, own, decoded.confidence.tolist(), agreement.tolist(), strict=False)
    return [
        Text(path=path, text=text, confidence=round(confidence, 6), agreement=share)
        for path, text, confidence, share in answers
    ]


def _name(part: int) -> str:
    return f"read-{part:04d}"
