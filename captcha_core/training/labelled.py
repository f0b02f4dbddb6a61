"""Labelled images as a source of training: in memory where they fit, else read as training goes."""

import json
from pathlib import Path
from typing import Literal

import numpy as np

from ..datasets import Dataset, LabelledFolder, open_labelled
from ..datasets.decoding import Readable, load_images, load_readable
from ..errors import DatasetError, LabelError
from ..images.resize_rules import STRETCHED, ResizeRule
from ..machine import total_memory
from ..networks import Problem
from ..spec.charset import MAX_SIZE
from .data import InMemory
from .input_size import InputSize, choose_input
from .run_folder import DECODED, RunFolder
from .streamed import Streamed, pieces_of

_IMAGES, _TEXTS, _LEFT_OUT = "images.npy", "texts.json", "left-out.json"


def labelled_images(
    images: str | Dataset | LabelledFolder,
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

    The same images are held out either way; the order of the others is not the same. Images of a
    folder that cannot be read are left out, which the source's description says.

    Parameters
    ----------
    images
        The open dataset or folder, or its path or URL.
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
        holds wins over `images`. None, or a run in a store, keeps them in this process.

    Raises
    ------
    DatasetError
        When there are no images, or one of a generated dataset cannot be decoded.
    LabelError
        When labels and images do not match, or nothing is left to train on.
    NotOwnerError
        When the run's folder belongs to another run by now.
    """
    images = open_labelled(images) if isinstance(images, str) else images
    pieces = pieces_of(images, seed)
    fitted = InputSize(size, rule) if size else choose_input(images)
    needed = len(images) * fitted.size[0] * fitted.size[1] * (1 if grey else 3)
    if needed > (memory or total_memory() // 2):
        return Streamed(pieces, seed, size=fitted.size, rule=fitted.rule, grey=grey, held_out=held_out)
    arrays, texts, numbers, left_out = _arrays(images, grey, fitted, run)
    total = len(texts) + len(left_out)
    rows = np.full(total, -1, np.int64)
    rows[numbers] = np.arange(len(numbers))
    held_out_rows = rows[pieces.numbers(round(held_out * total))]
    return InMemory(
        arrays,
        texts,
        seed,
        grey=grey,
        held_out=held_out_rows[held_out_rows >= 0],
        name=images.folder.url,
        left_out=left_out,
        files=[pieces.files[number] for number in numbers] if pieces.files else (),
    )


def read_problem(
    images: str | Dataset | LabelledFolder, channels: Literal[1, 3] = 1, size: tuple[int, int] | None = None
) -> Problem:
    """Return the problem that a dataset or folder of labelled images poses.

    Parameters
    ----------
    images
        The open dataset or folder, or its path or URL.
    size
        Width and height of the network's input; absent, what `choose_input` gives. A generated
        dataset has its spec's.

    Raises
    ------
    DatasetError
        When there are no images with a label.
    LabelError
        When labels and images do not match, or have more characters than a network reads.
    """
    images = open_labelled(images) if isinstance(images, str) else images
    if isinstance(images, Dataset):
        return Problem.from_spec(images.plan.spec, channels)
    if not len(images):
        raise DatasetError(f"{images.folder.url} holds no images with a label")
    texts = [text for _, text in images.labels]
    characters = "".join(sorted(set().union(*texts)))
    if len(characters) > MAX_SIZE:
        raise LabelError(
            f"the labels of {images.folder.url} have {len(characters):,} different characters, "
            f"and a network reads at most {MAX_SIZE:,}"
        )
    return Problem(
        charset=characters,
        lengths=(min(map(len, texts)), max(map(len, texts))),
        size=size or choose_input(images).size,
        channels=channels,
    )


def _arrays(
    images: Dataset | LabelledFolder, grey: bool, fitted: InputSize, run: RunFolder | None
) -> Readable:
    if run is None or not isinstance(run.path, Path):
        return _decoded(images, grey, fitted)
    folder = run.path / DECODED
    if not folder.is_dir():
        decoded = _decoded(images, grey, fitted)
        with run.subfolder(DECODED, _IMAGES) as aside:
            np.save(aside / _IMAGES, decoded.images)
            (aside / _TEXTS).write_text(json.dumps(decoded.texts))
            (aside / _LEFT_OUT).write_text(json.dumps([decoded.numbers, decoded.left_out]))
        del decoded
    run.check()
    mapped = np.load(folder / _IMAGES, mmap_mode="r", allow_pickle=False)
    texts = json.loads((folder / _TEXTS).read_text())
    numbers, left_out = json.loads((folder / _LEFT_OUT).read_text())
    return Readable(np.asarray(mapped), texts, numbers, left_out)


def _decoded(images: Dataset | LabelledFolder, grey: bool, fitted: InputSize) -> Readable:
    if isinstance(images, LabelledFolder):
        return load_readable(images, grey=grey, size=fitted.size, rule=fitted.rule)
    arrays, texts = load_images(images, grey=grey, size=fitted.size, rule=fitted.rule)
    return Readable(arrays, texts, list(range(len(texts))), {})
