"""Whether an exported network reads as the one it was made from."""

import time
from dataclasses import dataclass

import numpy as np

from ..codecs.codec import Codec
from ..engines import Engine, Logits
from ..evaluation import Rate
from .sample import LabelledImages

_BATCH = 128


@dataclass(frozen=True)
class Measured:
    """How one engine read the images.

    Attributes
    ----------
    accuracy
        Share of images whose whole text is right.
    speed
        Images a second of the network and the decoding, on this machine as it was.
    """

    engine: str
    accuracy: Rate
    speed: float


@dataclass(frozen=True)
class Comparison:
    """Two engines on the same images.

    Attributes
    ----------
    images, origin
        How many, and where they came from.
    largest_difference, largest_logit
        Of any logit between the two; of the reference's magnitudes.
    same_texts
        Images that both read alike.
    """

    images: int
    origin: str
    largest_difference: float
    largest_logit: float
    same_texts: int
    reference: Measured
    exported: Measured


def compare(reference: Engine, exported: Engine, codec: Codec, sample: LabelledImages) -> Comparison:
    """Run both engines over a sample."""
    expected, texts, measured = _read_and_time(reference, codec, sample)
    logits, other_texts, other_measured = _read_and_time(exported, codec, sample)
    return Comparison(
        images=len(texts),
        origin=sample.origin,
        largest_difference=float(np.abs(logits - expected).max()),
        largest_logit=float(np.abs(expected).max()),
        same_texts=sum(a == b for a, b in zip(texts, other_texts, strict=True)),
        reference=measured,
        exported=other_measured,
    )


def _read_and_time(
    engine: Engine, codec: Codec, sample: LabelledImages
) -> tuple[Logits, list[str], Measured]:
    engine.logits(sample.images[:_BATCH])  # the first run of each is slower
    parts, texts = [], []
    started = time.perf_counter()
    for start in range(0, len(sample.texts), _BATCH):
        parts.append(engine.logits(sample.images[start : start + _BATCH]))
        texts += codec.decode(parts[-1]).texts()
    speed = len(texts) / (time.perf_counter() - started)
    right = sum(a == b for a, b in zip(texts, sample.texts, strict=True))
    return np.concatenate(parts), texts, Measured(engine.name, Rate(right, len(texts)), speed)
