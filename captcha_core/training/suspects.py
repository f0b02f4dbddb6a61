"""Suspicious labels: those that a network which has not learnt from them contradicts with confidence.

From confident learning (Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in
Dataset Labels", 2021) come two things: that only out-of-sample probabilities may judge a label, and that
the threshold is the mean of the probabilities which the network gives to the labels, so that a network
which is unsure of everything needs no fixed bound. The paper has a threshold for each class; texts have
no classes that repeat, so there is one for all, of at least `_LEAST`, and no joint distribution of true
and given labels.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pydantic

from ..codecs.codec import Codec, Floats
from ..storage import AnyPath
from .records import read_record
from .run_folder import RunFolder

Reason = Literal["out of fold", "held out"]
"""How the network came not to know the label: it was kept from a fold's training, or from the run's."""

_LEAST = 0.5  # above it, no other text is as probable
_FILE = "suspects.json"
_PARTS = {"out of fold": "suspects-folds", "held out": "suspects-held-out"}


class Suspect(pydantic.BaseModel):
    """A suspicious label; the fields are the columns of `side_tables.SUSPECTS`.

    Attributes
    ----------
    path, label
        The image's file name, and its label.
    text, confidence
        What the network reads instead, and its calibrated probability.
    reason
        Why the network can judge.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    path: str
    label: str
    text: str
    confidence: float
    reason: Reason


class Suspects(pydantic.BaseModel):
    """The suspicious labels among those looked at.

    Attributes
    ----------
    looked_at
        Number of labels that a network judged which had not learnt from them.
    labels
        The suspicious ones, in the order of the judges.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    looked_at: int = 0
    labels: tuple[Suspect, ...] = ()


def find(
    logits: Floats, codec: Codec, labels: Sequence[str], files: Sequence[str], reason: Reason
) -> Suspects:
    """Find the suspicious ones among labels that a network has not learnt from.

    Parameters
    ----------
    logits
        float (N, T, C): the network's for the labels' images.
    codec
        With the temperature that calibrates the network.
    labels, files
        N labels, and the N names of their files.
    """
    if not labels:
        return Suspects()
    decoded = codec.decode(logits)
    threshold = max(_LEAST, float(np.mean(codec.probability(logits, codec.encode(labels)))))
    rows = zip(files, labels, decoded.texts(), decoded.confidence.tolist(), strict=True)
    suspects = tuple(
        Suspect(path=file, label=label, text=text, confidence=round(confidence, 6), reason=reason)
        for file, label, text, confidence in rows
        if text != label and confidence >= threshold
    )
    return Suspects(looked_at=len(labels), labels=suspects)


def save(run: RunFolder, suspects: Suspects, reason: Reason) -> None:
    """Keep what was found in a run's folder; what is there already stays.

    Raises
    ------
    NotOwnerError, StorageError
        As `RunFolder.subfolder` raises them.
    """
    with run.subfolder(_PARTS[reason], _FILE) as aside:
        (aside / _FILE).write_text(suspects.model_dump_json(indent=1), encoding="utf-8")


def load(run: AnyPath) -> Suspects | None:
    """Return all that was found in a run, and before its rounds; None where no label was looked at.

    Raises
    ------
    TrainingError
        When a file is damaged.
    StorageError
        When one cannot be read just now.
    """
    paths = [folder / name / _FILE for folder in (run, run / "round-0") for name in _PARTS.values()]
    parts = [part for path in paths if (part := read_record(path, Suspects)) is not None]
    if not parts:
        return None
    labels = tuple(suspect for part in parts for suspect in part.labels)
    return Suspects(looked_at=sum(part.looked_at for part in parts), labels=labels)


def weights(run: AnyPath, trust: float) -> dict[str, float]:
    """Return what the losses of a run's suspicious labels are multiplied by, by file name."""
    suspicious = load(run) or Suspects()
    return {suspect.path: trust for suspect in suspicious.labels}
