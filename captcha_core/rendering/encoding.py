"""Image files: JPEG and PNG bytes that depend on the pixels and the spec alone.

JPEG is baseline with 4:2:0 chroma, as Pillow and most web sites write it, the accurate
integer DCT and libjpeg's standard tables: the same bytes from any libjpeg-turbo. PNG is
8-bit RGB, every row unfiltered, deflated at level 1: the same bytes from any classic zlib
(zlib-ng, which some systems use instead, compresses the same pixels to other bytes).
"""

import struct
import zlib

import numpy as np
import numpy.typing as npt
import simplejpeg

from ..spec import Spec

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_LEVEL = 1
_RGB_8 = (8, 2, 0, 0, 0)
"""Bits a channel, colour type RGB, compression and filter method (PNG defines one each), no interlacing."""


def encode(image: npt.NDArray[np.uint8], spec: Spec) -> bytes:
    """Encode an image in the format and quality that the spec asks for.

    Parameters
    ----------
    image
        uint8 of shape (height, width, 3), RGB.

    Returns
    -------
    The bytes of a JPEG or PNG file.
    """
    if spec.image_format == "jpeg":
        return jpeg(image, spec.quality)
    return png(image)


def jpeg(image: npt.NDArray[np.uint8], quality: int) -> bytes:
    """Encode a uint8 RGB image (height, width, 3) as JPEG; `quality` is libjpeg's, 1 to 100."""
    pixels = np.ascontiguousarray(image)
    data: bytes = simplejpeg.encode_jpeg(
        pixels, quality, colorspace="RGB", colorsubsampling="420", fastdct=False
    )
    return data


def png(image: npt.NDArray[np.uint8]) -> bytes:
    """Encode a uint8 RGB image (height, width, 3) as PNG.

    Rows are not filtered: on flat backgrounds filters cost time and make the file larger.
    """
    height, width, _ = image.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)
    rows[:, 1:] = image.reshape(height, 3 * width)
    header = struct.pack(">IIBBBBB", width, height, *_RGB_8)
    data = zlib.compress(rows.data, _PNG_LEVEL)
    return b"".join((_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", data), _chunk(b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
