"""Labelled images as one array, for training in memory."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import DatasetError, ImageError
from ..images.decoding import decode, read_size
from ..images.resize_rules import STRETCHED, ResizeRule
from ..machine import cores
from . import Dataset, LabelledFolder, open_labelled
from .sample import Sample

_AHEAD = 4  # samples a thread that are read, and not decoded yet

T = TypeVar("T")


def load_images(
    source: str | Dataset | LabelledFolder,
    *,
    grey: bool,
    size: tuple[int, int] | None = None,
    rule: ResizeRule = STRETCHED,
) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """Decode a whole dataset or folder of labelled images.

    Parameters
    ----------
    source
        An open dataset or folder, or its path or URL. Its decoded images must fit in memory;
        `training.labelled_images` streams larger ones.
    size
        (width, height) to fit all images to; None takes the first image's.
    rule
        How they are fitted.

    Returns
    -------
    images
        uint8 (N, H, W, 1) if `grey`, else (N, H, W, 3).
    texts
        The N labels.

    Raises
    ------
    DatasetError
        When there are no images, or one cannot be decoded.
    """
    dataset = open_labelled(source) if isinstance(source, str) else source
    url = dataset.folder.url
    samples = iter(dataset)
    first = next(samples, None)
    if first is None:
        raise DatasetError(f"{url} holds no images")
    width, height = size or image_size(first)
    images = np.empty((len(dataset), height, width, 1 if grey else 3), np.uint8)
    texts = [""] * len(dataset)

    def fill(numbered: tuple[int, Sample]) -> None:
        row, sample = numbered
        images[row] = decode_sample(sample, (width, height), grey=grey, url=url, rule=rule)
        texts[row] = sample.text

    fill((0, first))
    _run_in_threads(fill, enumerate(samples, start=1), cores())
    return images, texts


class Readable(NamedTuple):
    """The images of a folder that could be read.

    Attributes
    ----------
    images
        uint8 (N, H, W, 1 or 3).
    texts
        Their labels.
    numbers
        Which of the folder's images they are.
    left_out
        Why each of the others could not be read, by its path.
    """

    images: npt.NDArray[np.uint8]
    texts: list[str]
    numbers: list[int]
    left_out: dict[str, str]


def load_readable(
    folder: LabelledFolder, *, grey: bool, size: tuple[int, int], rule: ResizeRule = STRETCHED
) -> Readable:
    """Decode those images of a folder that can be read, as `load_images` does.

    Raises
    ------
    DatasetError
        When none can.
    StorageError
        When an image cannot be read just now.
    """
    width, height = size
    images = np.empty((len(folder), height, width, 1 if grey else 3), np.uint8)
    faults: dict[int, str] = {}

    def fill(number: int) -> None:
        try:
            data = folder.read(folder.labels[number][0])
            images[number] = decode(data, size, grey=grey, rule=rule)
        except FileNotFoundError:
            faults[number] = "it is gone"
        except ImageError as error:
            faults[number] = str(error)

    _run_in_threads(fill, range(len(folder)), cores())
    numbers = [number for number in range(len(folder)) if number not in faults]
    if not numbers:
        reason = f", the first: {faults[0]}" if faults else ""
        raise DatasetError(f"{folder.folder.url} holds no images that can be read{reason}")
    for row, number in enumerate(numbers):
        if row != number:  # in place: a second copy might not fit into memory
            images[row] = images[number]
    left_out = {folder.labels[number][0]: faults[number] for number in sorted(faults)}
    return Readable(images[: len(numbers)], [folder.labels[n][1] for n in numbers], numbers, left_out)


def _run_in_threads(task: Callable[[T], None], items: Iterable[T], threads: int) -> None:
    """Run a task on each item, taking no more than `_AHEAD` items a thread that are not done."""
    window: deque[Future[None]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        try:
            for item in items:
                window.append(pool.submit(task, item))
                if len(window) == _AHEAD * threads:
                    window[0].result()
                    window.popleft()
        finally:  # of several failures the first one in order is raised, be it an item that cannot be had
            for future in window:
                future.result()


def decode_sample(
    sample: Sample, size: tuple[int, int], *, grey: bool, url: str, rule: ResizeRule = STRETCHED
) -> npt.NDArray[np.uint8]:
    """Decode one image, fitted to `size` by `rule`, to uint8 (H, W, 1) if `grey`, else (H, W, 3).

    Raises
    ------
    DatasetError
        When it cannot be decoded; the message has its name and `url`, its folder.
    """
    try:
        return decode(sample.image, size, grey=grey, rule=rule)
    except ImageError as error:
        raise DatasetError(f"{url}: {sample.key}.{sample.extension}: {error}") from None


def image_size(sample: Sample) -> tuple[int, int]:
    """Return a sample's width and height in pixels.

    Raises
    ------
    DatasetError
        When its header cannot be read.
    """
    try:
        return read_size(sample.image)
    except ImageError as error:
        raise DatasetError(f"{sample.key}.{sample.extension}: {error}") from None
