"""Labelled images as a source of training: in memory where they fit, else read as training goes."""

import json
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..datasets import Dataset, LabelledFolder, open_labelled
from ..datasets.decoding import load_images
from ..errors import DatasetError, LabelError
from ..images.resize_rules import STRETCHED, ResizeRule
from ..machine import total_memory
from ..networks import Problem
from .data import InMemory
from .input_size import InputSize, choose_input
from .run_folder import DECODED, RunFolder
from .streamed import Streamed, pieces_of

_IMAGES, _TEXTS = "images.npy", "texts.json"


def labelled_images(
    url: str,
    seed: int = 0,
    *,
    size: tuple[int, int] | None = None,
    rule: ResizeRule = STRETCHED,
    grey: bool = True,
    held_out: float = 0.1,
    memory: int = 0,
    run: RunFolder | None = None,
) -> InMemory | Streamed:
    """Open a dataset or folder of labelled images for training.

    The same images are held out either way; the order of the others is not the same.

    Parameters
    ----------
    seed
        Of the shuffling and of the choice of held-out images.
    size, rule
        Width and height in pixels that the images are fitted to, and how; without a size, both
        are what `choose_input` gives.
    grey
        One channel instead of three.
    held_out
        Share of the images kept for validation, 0 to less than 1.
    memory
        Bytes that the decoded images may take; 0: half of what this machine or container has.
        Larger sets are streamed.
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
    fitted = InputSize(size, rule) if size else choose_input(images)
    needed = len(images) * fitted.size[0] * fitted.size[1] * (1 if grey else 3)
    if needed > (memory or total_memory() // 2):
        return Streamed(pieces, seed, size=fitted.size, rule=fitted.rule, grey=grey, held_out=held_out)
    arrays, texts = _arrays(images, grey, fitted, run)
    held_out_numbers = pieces.numbers(round(held_out * len(texts)))
    return InMemory(arrays, texts, seed, grey=grey, held_out=held_out_numbers, name=url, files=pieces.files)


def read_problem(url: str, channels: Literal[1, 3] = 1, size: tuple[int, int] | None = None) -> Problem:
    """Return the problem that a dataset or folder of labelled images poses.

    Parameters
    ----------
    size
        Width and height of the network's input; absent, what `choose_input` gives. A generated
        dataset has its spec's.

    Raises
    ------
    DatasetError
        When there are no images, or one whose size is asked for cannot be read.
    LabelError
        When labels and images do not match, or an image has no label.
    """
    images = open_labelled(url)
    if isinstance(images, Dataset):
        return Problem.from_spec(images.plan.spec, channels)
    if not len(images):
        raise DatasetError(f"{url} holds no images")
    texts = [text for _, text in images.labels]
    unlabelled = sum(not text for text in texts)
    if unlabelled:
        raise LabelError(f"{unlabelled:,} of {len(texts):,} images in {url} have no label")
    return Problem(
        charset="".join(sorted(set().union(*texts))),
        lengths=(min(map(len, texts)), max(map(len, texts))),
        size=size or choose_input(images).size,
        channels=channels,
    )


def _arrays(
    images: Dataset | LabelledFolder, grey: bool, fitted: InputSize, run: RunFolder | None
) -> tuple[npt.NDArray[np.uint8], list[str]]:
    if run is None:
        return load_images(images, grey=grey, size=fitted.size, rule=fitted.rule)
    folder = run.path / DECODED
    if not folder.is_dir():
        arrays, texts = load_images(images, grey=grey, size=fitted.size, rule=fitted.rule)
        with run.subfolder(DECODED) as aside:
            np.save(aside / _IMAGES, arrays)
            (aside / _TEXTS).write_text(json.dumps(texts))
        del arrays
    run.check()
    mapped = np.load(folder / _IMAGES, mmap_mode="r", allow_pickle=False)
    return np.asarray(mapped), json.loads((folder / _TEXTS).read_text())
