"""Labelled images as one array, for training in memory."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from ..errors import DatasetError, ImageError
from ..images import decode, measure
from . import open_labelled
from .sample import Sample


def load_images(
    url: str, *, grey: bool, size: tuple[int, int] | None = None
) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """Decode a whole dataset or folder of labelled images.

    Parameters
    ----------
    size
        (width, height) to bring all images to; None takes the first image's.

    Returns
    -------
    uint8 array of shape (N, H, W, 1 or 3), and N texts.

    Raises
    ------
    DatasetError
        When there are no images, one cannot be decoded, or they are too many for the memory.
    """
    found = open_labelled(url)
    samples = iter(found)
    first = next(samples, None)
    if first is None:
        raise DatasetError(f"{url} holds no images")
    size = size or image_size(first)
    channels = 1 if grey else 3
    needed = len(found) * size[0] * size[1] * channels
    if needed > _memory() // 2:
        raise DatasetError(
            f"{len(found):,} images of {size[0]}×{size[1]} take {needed / 1e9:,.1f} GB decoded, "
            "over half of this machine's memory"
        )
    images = np.empty((len(found), size[1], size[0], channels), np.uint8)
    texts = [""] * len(found)

    def place(numbered: tuple[int, Sample]) -> None:
        number, sample = numbered
        try:
            images[number] = decode(sample.image, size, grey=grey)
        except ImageError as error:
            raise DatasetError(f"{url}: {sample.key}.{sample.extension}: {error}") from None
        texts[number] = sample.text

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        place((0, first))
        for _ in pool.map(place, enumerate(samples, start=1)):
            pass
    return images, texts


def image_size(sample: Sample) -> tuple[int, int]:
    """Return a sample's width and height in pixels."""
    try:
        return measure(sample.image)
    except ImageError as error:
        raise DatasetError(f"{sample.key}.{sample.extension}: {error}") from None


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
