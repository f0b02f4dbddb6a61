"""Fast decoders for the commonest images, plain 8-bit PNG and JPEG, without Pillow's overhead.

Their pixels equal Pillow's to the bit: images that they would decode differently, or not at all,
are left to Pillow.
"""

import struct

import numpy as np
import numpy.typing as npt
import simplejpeg

from .pixels import luma

try:
    from kornia_rs.io import decode_image_png_u8
except ImportError:  # optional: the extra `fast`
    decode_image_png_u8 = None

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_PREFIX = b"\xff\xd8\xff"
_HEADER = struct.Struct(">8x4x4sIIBBBBB")  # IHDR: width, height, bit depth, colour type, three methods
_CHANNELS = {0: 1, 2: 3}  # by PNG colour type: greyscale, RGB
_UNSUPPORTED_CHUNKS = (b"tRNS", b"acTL")  # transparency, animation


def decode(data: bytes, size: tuple[int, int], *, grey: bool) -> npt.NDArray[np.uint8] | None:
    """Decode a plain PNG or JPEG, unless its width and height differ from `size`.

    The caller bounds `size` and the number of bytes.

    Returns
    -------
    uint8 (H, W, 1) if `grey`, else (H, W, 3); None when the image is not a plain one, has another
    size, or is damaged.
    """
    if data.startswith(_PNG_SIGNATURE):
        return _decode_png(data, size, grey)
    if data.startswith(_JPEG_PREFIX):
        return _decode_jpeg(data, size, grey)
    return None


def _png_header(data: bytes) -> tuple[int, int, int] | None:
    """Return the width, height and channels of a plain 8-bit PNG; None for any other."""
    if decode_image_png_u8 is None or len(data) < _HEADER.size:
        return None
    kind, width, height, depth, colour, _, _, _ = _HEADER.unpack_from(data)
    if kind != b"IHDR" or depth != 8 or colour not in _CHANNELS:
        return None
    chunks_before_pixels = data[: data.find(b"IDAT")]
    if any(chunk in chunks_before_pixels for chunk in _UNSUPPORTED_CHUNKS):
        return None
    return width, height, _CHANNELS[colour]


def _decode_png(data: bytes, size: tuple[int, int], grey: bool) -> npt.NDArray[np.uint8] | None:
    header = _png_header(data)
    if header is None or header[:2] != size:
        return None
    width, height, channels = header
    try:
        pixels: npt.NDArray[np.uint8] = decode_image_png_u8(
            data, (height, width), "mono" if channels == 1 else "rgb"
        )
    except Exception:  # noqa: BLE001  (kornia_rs raises plain Exception, whatever is wrong)
        return None
    if channels == 1:
        return pixels if grey else np.repeat(pixels, 3, axis=2)
    return luma(pixels) if grey else pixels


def _decode_jpeg(data: bytes, size: tuple[int, int], grey: bool) -> npt.NDArray[np.uint8] | None:
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        if colours not in ("YCbCr", "Gray") or (width, height) != size:
            return None
        pixels: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "GRAY" if grey else "RGB")
    except ValueError:
        return None
    return pixels
