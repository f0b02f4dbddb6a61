"""Labelled images to calibrate and to check an exported network with."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pydantic

from ..datasets import Dataset, open_labelled
from ..datasets import Sample as Encoded
from ..errors import DatasetError, ImageError, NoSpecError, counted
from ..images.decoding import decode
from ..images.pixels import with_channels
from ..networks.checkpoint import Checkpoint
from ..rendering import open_renderer
from ..spec import Spec

Images = npt.NDArray[np.uint8]

FEWEST = 10
_SEED = 1 << 62  # no training and no validation draws its images with it
_CHUNK = 500


@dataclass(frozen=True)
class LabelledImages:
    """Images of the size and channels that a network reads.

    Attributes
    ----------
    images
        uint8 (N, H, W, C).
    texts
        N labels.
    origin
        Where they came from, in words.
    """

    images: Images
    texts: list[str]
    origin: str

    def split(self, share: int) -> tuple["LabelledImages", "LabelledImages"]:
        """Take `share` images, a fifth of all at most, evenly spaced, and return them and the rest."""
        taken = np.zeros(len(self.texts), np.bool_)
        share = min(share, len(self.texts) // 5)
        taken[np.linspace(0, len(self.texts) - 1, share).astype(int)] = True
        return self._selected(taken), self._selected(~taken)

    def _selected(self, mask: npt.NDArray[np.bool_]) -> "LabelledImages":
        texts = [text for text, selected in zip(self.texts, mask.tolist(), strict=True) if selected]
        return LabelledImages(self.images[mask], texts, self.origin)


def draw(checkpoint: Checkpoint, count: int, dataset: str | None = None) -> LabelledImages:
    """Return `count` images, or as many as there are, for a checkpoint.

    Parameters
    ----------
    dataset
        A generated dataset or a folder of labelled images, read evenly spaced. Without it,
        fresh images of the spec that the network was trained on.

    Raises
    ------
    NoSpecError
        When there is no dataset and the training record names no spec.
    DatasetError, LabelError
        When the dataset cannot be read, or has fewer than `FEWEST` images.
    """
    return _rendered(checkpoint, count) if dataset is None else _read(checkpoint, count, dataset)


def _rendered(checkpoint: Checkpoint, count: int) -> LabelledImages:
    source = checkpoint.model.training.get("source", {})
    try:
        spec = Spec.model_validate(source["spec"])
    except (KeyError, TypeError, pydantic.ValidationError):
        name = source.get("name", "") if isinstance(source, dict) else ""
        origin = f" but on {name}" if name else ""
        raise NoSpecError(
            f"this network was not trained on a spec{origin}, so there are no images to render"
        ) from None
    renderer, channels = open_renderer(spec), checkpoint.model.problem.channels
    parts, texts = [], []
    for start in range(0, count, _CHUNK):
        images, words = renderer.batch(_SEED, 0, start, min(_CHUNK, count - start))
        parts.append(with_channels(images, channels))
        texts += words
    return LabelledImages(np.concatenate(parts), texts, "fresh images of the spec it was trained on")


def _read(checkpoint: Checkpoint, count: int, dataset: str) -> LabelledImages:
    labelled = open_labelled(dataset)
    total, problem = len(labelled), checkpoint.model.problem
    if total < FEWEST:
        raise DatasetError(f"{dataset} has {counted(total, 'image')}, fewer than {FEWEST}")
    encoded: Iterable[Encoded]
    if isinstance(labelled, Dataset):
        encoded = labelled  # in random order already
    else:
        numbers = np.linspace(0, total - 1, min(count, total)).astype(int).tolist()
        encoded = (sample for number in numbers for sample in labelled.samples(number, 1))
    images, texts = [], []
    for sample in encoded:
        try:
            images.append(
                decode(sample.image, problem.size, grey=problem.grey, rule=checkpoint.model.resize_rule)
            )
        except ImageError as error:
            raise DatasetError(f"{dataset}: {sample.key}.{sample.extension}: {error}") from None
        texts.append(sample.text)
        if len(texts) == count:
            break
    return LabelledImages(np.stack(images), texts, f"images of {dataset}")
