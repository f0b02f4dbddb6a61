"""Pixel arithmetic that training and reading must share to the bit."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from .errors import ImageError

Images = npt.NDArray[np.uint8]


def luma(images: Images) -> Images:
    """Return grey images by (19595 R + 38470 G + 7471 B + 32768) >> 16, Pillow's mode L.

    Pillow does the sum itself: it is three times as fast as numpy at it.

    Parameters
    ----------
    images
        uint8 (..., 3).

    Returns
    -------
    uint8 (..., 1)
    """
    if not images.size:
        return np.zeros((*images.shape[:-1], 1), np.uint8)
    rows = np.ascontiguousarray(images).reshape(-1, images.shape[-2], 3)
    return np.array(Image.fromarray(rows).convert("L")).reshape(*images.shape[:-1], 1)


def with_channels(images: Images, channels: int) -> Images:
    """Return uint8 images (N, H, W) or (N, H, W, C) as (N, H, W, channels).

    Raises
    ------
    ImageError
        When the array is not of that form.
    """
    if images.dtype != np.uint8:
        raise ImageError(f"image arrays are uint8, not {images.dtype}: scale them to 0 … 255 first")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ImageError(f"image arrays have the shape (N, H, W) or (N, H, W, 1 or 3), not {images.shape}")
    if images.shape[3] == channels:
        return images
    return luma(images) if channels == 1 else np.repeat(images, 3, axis=3)
