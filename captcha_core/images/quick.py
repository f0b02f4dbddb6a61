"""The commonest images without the overhead of a general decoder: plain 8-bit PNG and JPEG.

The pixels are Pillow's, to the bit: what these decoders would read differently, or not at all,
they leave to it.
"""

import struct

import numpy as np
import numpy.typing as npt
import simplejpeg

from .pixels import luma

try:
    from kornia_rs.io import decode_image_png_u8
except ImportError:  # of the extra `fast`
    decode_image_png_u8 = None

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_HEADER = struct.Struct(">8x4x4sIIBBBBB")  # IHDR: width, height, depth, colour, three methods
_CHANNELS = {0: 1, 2: 3}  # of PNG's colour types grey and RGB
_OUT_OF_REACH = (b"tRNS", b"acTL")  # transparency, animation


def decode(data: bytes, size: tuple[int, int], *, grey: bool) -> npt.NDArray[np.uint8] | None:
    """Decode an image whose width and height are `size`; the caller bounds these and the bytes.

    Returns
    -------
    uint8 (H, W, 1) for grey, else (H, W, 3); None when the image is not of the plain kind, of
    another size, or damaged.
    """
    if data.startswith(_PNG):
        return _png(data, size, grey)
    if data.startswith(_JPEG):
        return _jpeg(data, size, grey)
    return None


def _png_header(data: bytes) -> tuple[int, int, int] | None:
    """Return width, height and channels of a plain PNG."""
    if decode_image_png_u8 is None or len(data) < _HEADER.size:
        return None
    kind, width, height, depth, colour, _, _, _ = _HEADER.unpack_from(data)
    if kind != b"IHDR" or depth != 8 or colour not in _CHANNELS:
        return None
    before = data[: data.find(b"IDAT")]
    if any(chunk in before for chunk in _OUT_OF_REACH):
        return None
    return width, height, _CHANNELS[colour]


def _png(data: bytes, size: tuple[int, int], grey: bool) -> npt.NDArray[np.uint8] | None:
    header = _png_header(data)
    if header is None or header[:2] != size:
        return None
    width, height, channels = header
    try:
        pixels: npt.NDArray[np.uint8] = decode_image_png_u8(
            data, (height, width), "mono" if channels == 1 else "rgb"
        )
    except Exception:  # noqa: BLE001  (it raises no other class, whatever is wrong with the image)
        return None
    if channels == 1:
        return pixels if grey else np.repeat(pixels, 3, axis=2)
    return luma(pixels) if grey else pixels


def _jpeg(data: bytes, size: tuple[int, int], grey: bool) -> npt.NDArray[np.uint8] | None:
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        if colours not in ("YCbCr", "Gray") or (width, height) != size:
            return None
        pixels: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "GRAY" if grey else "RGB")
    except ValueError:
        return None
    return pixels
