"""Labelled images as a source of training: in memory where they fit, else read as training goes."""

import json
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..datasets import Dataset, LabelledFolder, open_labelled
from ..datasets.decoding import image_size, load_images
from ..errors import LabelError
from ..machine import total_memory
from ..networks import Problem
from .data import InMemory
from .run_folder import DECODED, RunFolder
from .streamed import Streamed, pieces_of

_IMAGES, _TEXTS = "images.npy", "texts.json"


def labelled_images(
    url: str,
    seed: int = 0,
    *,
    grey: bool = True,
    held_out: float = 0.1,
    memory: int = 0,
    size: tuple[int, int] | None = None,
    run: RunFolder | None = None,
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
    size
        Width and height in pixels that the images are resized to; None takes the first one's.
    run
        The run in whose folder the decoded images are kept in a file and mapped from there, so
        that the processes that take turns at it decode them once and share the memory. What it
        holds wins over `url`. None keeps them in this process.

    Raises
    ------
    DatasetError
        When there are no images, or one cannot be decoded.
    LabelError
        When labels and images do not match, or nothing is left to train on.
    NotOwnerError
        When the run's folder belongs to another run by now.
    """
    images = open_labelled(url)
    pieces = pieces_of(images, seed)
    pieces.image_size = size or pieces.image_size
    width, height = pieces.image_size
    needed = len(images) * width * height * (1 if grey else 3)
    if needed > (memory or total_memory() // 2):
        return Streamed(pieces, seed, grey=grey, held_out=held_out)
    arrays, texts = _arrays(images, grey, pieces.image_size, run)
    held_out_numbers = pieces.numbers(round(held_out * len(texts)))
    return InMemory(arrays, texts, seed, grey=grey, held_out=held_out_numbers, name=url)


def read_problem(url: str, channels: Literal[1, 3] = 1) -> Problem:
    """Return the problem that a dataset or folder of labelled images poses.

    Raises
    ------
    DatasetError
        When there are no images, or the first one cannot be read.
    LabelError
        When labels and images do not match, or an image has no label.
    """
    images = open_labelled(url)
    if isinstance(images, Dataset):
        return Problem.from_spec(images.plan.spec, channels)
    texts = [text for _, text in images.labels]
    unlabelled = sum(not text for text in texts)
    if unlabelled:
        raise LabelError(f"{unlabelled:,} of {len(texts):,} images in {url} have no label")
    return Problem(
        charset="".join(sorted(set().union(*texts))),
        lengths=(min(map(len, texts)), max(map(len, texts))),
        size=image_size(next(iter(images))),
        channels=channels,
    )


def _arrays(
    images: Dataset | LabelledFolder, grey: bool, size: tuple[int, int], run: RunFolder | None
) -> tuple[npt.NDArray[np.uint8], list[str]]:
    if run is None:
        return load_images(images, grey=grey, size=size)
    folder = run.path / DECODED
    if not folder.is_dir():
        arrays, texts = load_images(images, grey=grey, size=size)
        with run.subfolder(DECODED) as aside:
            np.save(aside / _IMAGES, arrays)
            (aside / _TEXTS).write_text(json.dumps(texts))
        del arrays
    run.check()
    mapped = np.load(folder / _IMAGES, mmap_mode="r", allow_pickle=False)
    return np.asarray(mapped), json.loads((folder / _TEXTS).read_text())
