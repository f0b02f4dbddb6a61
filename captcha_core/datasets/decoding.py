"""Labelled images as one array, for training in memory."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

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
