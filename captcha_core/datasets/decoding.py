"""Labelled images as one array, for training in memory."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from ..errors import DatasetError, ImageError
from ..images.decoding import decode, measure
from . import Dataset, LabelledFolder, open_labelled
from .sample import Sample


def load_images(
    source: str | Dataset | LabelledFolder, *, grey: bool, size: tuple[int, int] | None = None
) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """Decode a whole dataset or folder of labelled images.

    Parameters
    ----------
    source
        Open, or its path or URL. Memory must hold it decoded; `training.labelled_images`
        streams what it does not.
    size
        (width, height) to bring all images to; None takes the first image's.

    Returns
    -------
    uint8 array of shape (N, H, W, 1 or 3), and N texts.

    Raises
    ------
    DatasetError
        When there are no images, or one cannot be decoded.
    """
    found = open_labelled(source) if isinstance(source, str) else source
    url = found.folder.url
    samples = iter(found)
    first = next(samples, None)
    if first is None:
        raise DatasetError(f"{url} holds no images")
    size = size or image_size(first)
    channels = 1 if grey else 3
    images = np.empty((len(found), size[1], size[0], channels), np.uint8)
    texts = [""] * len(found)

    def place(numbered: tuple[int, Sample]) -> None:
        number, sample = numbered
        images[number] = decode_sample(sample, size, grey=grey, url=url)
        texts[number] = sample.text

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        place((0, first))
        for _ in pool.map(place, enumerate(samples, start=1)):
            pass
    return images, texts


def decode_sample(sample: Sample, size: tuple[int, int], *, grey: bool, url: str) -> npt.NDArray[np.uint8]:
    """Decode one image to uint8 (H, W, 1 or 3); DatasetError with its name and its folder's `url`."""
    try:
        return decode(sample.image, size, grey=grey)
    except ImageError as error:
        raise DatasetError(f"{url}: {sample.key}.{sample.extension}: {error}") from None


def image_size(sample: Sample) -> tuple[int, int]:
    """Return a sample's width and height in pixels."""
    try:
        return measure(sample.image)
    except ImageError as error:
        raise DatasetError(f"{sample.key}.{sample.extension}: {error}") from None
