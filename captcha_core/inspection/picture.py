"""What one image file tells: its format, its size, and two hashes of its pixels."""

import hashlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..images.decoding import decode, open_image

HASH_BYTES = 32
_COLUMNS, _ROWS = 17, 16
_PLAIN = 12  # levels of grey
_STEP = 4  # levels of grey between neighbours that count: noise on a plain ground does not

Grey = npt.NDArray[np.uint8]


class Picture(NamedTuple):
    """The facts of an image.

    Attributes
    ----------
    format
        By its content: ``PNG``, ``JPEG``, ``WEBP``, ``GIF`` or ``BMP``.
    mode
        Of its pixels in the file, as Pillow names it: ``RGB``, ``L``, ``P`` …
    size
        Width and height in pixels.
    frames
        How many there are; the first one is read.
    transparent
        Whether some of its pixels are; it is laid over white.
    plain
        Whether there is nothing to see, as of white text on transparency.
    digest
        Of its size and decoded pixels.
    hash
        A difference hash of 256 bits: for each of 16×16 neighbours whether the right one is lighter
        (N. Krawetz, "Kind of Like That", The Hacker Factor Blog, 2013).
    """

    format: str
    mode: str
    size: tuple[int, int]
    frames: int
    transparent: bool
    plain: bool
    digest: bytes
    hash: bytes


def look_at(data: bytes) -> tuple[Picture, Grey]:
    """Return an image's facts, and its grey pixels: uint8 (H, W).

    Raises
    ------
    ImageError
        When it cannot be read.
    """
    with open_image(data) as image:
        file_format, mode = image.format or "", image.mode
        frames = getattr(image, "n_frames", 1)
        transparent = ("A" in mode or "transparency" in image.info) and _see_through(image)
    pixels = decode(data)
    size = pixels.shape[1], pixels.shape[0]
    digest = hashlib.sha256(f"{size}".encode() + pixels.tobytes()).digest()[:16]
    grey = Image.fromarray(pixels).convert("L")
    darkest, lightest = grey.getextrema()
    plain = int(lightest) - int(darkest) < _PLAIN  # type: ignore[arg-type]  # one channel: two numbers
    picture = Picture(file_format, mode, size, frames, transparent, plain, digest, difference_hash(grey))
    return picture, np.asarray(grey)


def _see_through(image: Image.Image) -> bool:
    lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
    return lowest != 255


def thumbnail(grey: Image.Image) -> npt.NDArray[np.int16]:
    """Return an image scaled to the pixels that are hashed: int16 (16, 17)."""
    return np.asarray(grey.resize((_COLUMNS, _ROWS), Image.Resampling.BOX), np.int16)


def difference_hash(grey: Image.Image) -> bytes:
    """Return the difference hash of a grey image: 32 bytes."""
    pixels = thumbnail(grey)
    return np.packbits(pixels[:, 1:] > pixels[:, :-1] + _STEP).tobytes()
