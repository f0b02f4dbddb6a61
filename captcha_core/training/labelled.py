"""Labelled images as a source of training: in memory where they fit, else read as training goes."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..datasets import Dataset, LabelledFolder, open_labelled
from ..datasets.decoding import load_images
from ..machine import total_memory
from ..storage import whole
from .data import InMemory
from .streamed import Streamed, pieces_of

_IMAGES, _TEXTS = "images.npy", "texts.json"


def labelled_images(
    url: str,
    seed: int = 0,
    *,
    grey: bool = True,
    held_out: float = 0.1,
    memory: int = 0,
    decoded: Path | None = None,
) -> InMemory | Streamed:
    """Open a dataset or folder of labelled images for training.

    The same images are held out either way; the order of the others is not the same.

    Parameters
    ----------
    seed
        Of the shuffling and of the choice of held-out images.
    grey
        One channel instead of three.
    held_out
        Share of the images kept for validation, 0 to less than 1.
    memory
        Bytes that the decoded images may take; 0: half of what this machine or container has.
        Larger sets are streamed.
    decoded
        A folder in which the decoded images are kept in a file and mapped from there, so that
        the processes that take turns at a run decode them once and share the memory. What it
        holds wins over `url`. None keeps them in this process.

    Raises
    ------
    DatasetError
        When there are no images, or one cannot be decoded.
    LabelError
        When labels and images do not match, or nothing is left to train on.
    """
    found = open_labelled(url)
    pieces = pieces_of(found, seed)
    width, height = pieces.image_size
    needed = len(found) * width * height * (1 if grey else 3)
    if needed > (memory or total_memory() // 2):
        return Streamed(pieces, seed, grey=grey, held_out=held_out)
    arrays, texts = _arrays(found, grey, pieces.image_size, decoded)
    kept = pieces.places(round(held_out * len(texts)))
    return InMemory(arrays, texts, seed, grey=grey, held_out=kept, name=url)


def _arrays(
    found: Dataset | LabelledFolder, grey: bool, size: tuple[int, int], decoded: Path | None
) -> tuple[npt.NDArray[np.uint8], list[str]]:
    if decoded is None:
        return load_images(found, grey=grey, size=size)
    if not decoded.is_dir():
        arrays, texts = load_images(found, grey=grey, size=size)
        with whole.written_aside(decoded, replace=False) as aside:
            np.save(aside / _IMAGES, arrays)
            (aside / _TEXTS).write_text(json.dumps(texts))
        del arrays
    mapped = np.load(decoded / _IMAGES, mmap_mode="r", allow_pickle=False)
    return np.asarray(mapped), json.loads((decoded / _TEXTS).read_text())
