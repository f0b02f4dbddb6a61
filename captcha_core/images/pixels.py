"""Pixel arithmetic that training and reading share, so that both see the same input to the bit."""

import numpy as np
import numpy.typing as npt

from ..errors import ImageError

Images = npt.NDArray[np.uint8]

_LUMA_WEIGHTS = np.array([19595, 38470, 7471], np.float32) / 65536
_CHUNK = 1 << 14  # pixels


def luma(images: Images) -> Images:
    """Return grey images by (19595 R + 38470 G + 7471 B + 32768) >> 16, Pillow's mode L.

    Computed as a float32 matrix product, exact since every sum fits in 24 bits, in chunks that
    stay in a core's cache: a 170×80 image takes half of the time that Pillow needs.

    Parameters
    ----------
    images
        uint8 (..., 3).

    Returns
    -------
    uint8 (..., 1)
    """
    flat = np.ascontiguousarray(images).reshape(-1, 3)
    grey = np.empty(len(flat), np.uint8)
    for start in range(0, len(flat), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        sums = flat[chunk].astype(np.float32) @ _LUMA_WEIGHTS
        sums += 0.5
        grey[chunk] = sums  # the assignment truncates to integers
    return grey.reshape(*images.shape[:-1], 1)


def padded(image: Images, size: tuple[int, int]) -> Images:
    """Put an image in the middle of a larger canvas of one colour, the median of the image's border.

    So the padding looks like more of the background, and the image not like a box.

    Parameters
    ----------
    image
        uint8 (h, w, C), no side longer than the canvas's.
    size
        Width and height of the canvas.

    Returns
    -------
    uint8 (H, W, C). Where a margin is an odd number of pixels, the larger half is right or below.
    """
    width, height = size
    if image.shape[:2] == (height, width):
        return image
    canvas = np.empty((height, width, image.shape[2]), np.uint8)
    canvas[:] = _border_colour(image)
    top, left = (height - image.shape[0]) // 2, (width - image.shape[1]) // 2
    canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    return canvas


def _border_colour(image: Images) -> Images:
    """Return the (upper) median of the outermost pixels, channel by channel: uint8 (C,)."""
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    middle = len(border) // 2
    colour: Images = np.partition(border, middle, axis=0)[middle]
    return colour


def with_channels(images: Images, channels: int) -> Images:
    """Convert uint8 images (N, H, W) or (N, H, W, 1 or 3) to (N, H, W, channels); `channels` is 1 or 3.

    Raises
    ------
    ImageError
        When the array has another shape or dtype.
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
