"""Image files before they are decoded: their names, their bytes, and the size they state.

It does without numpy and Pillow, so that a command which only lists images never waits for them.
"""

import os
import stat
import struct
from pathlib import Path

from ..errors import ImageError

MAX_BYTES = 32 << 20
EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"})

_PNG = struct.Struct(">16sII")  # signature, length and name of the first chunk; width, height
_PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_JPEG_START = b"\xff\xd8\xff"
_JPEG_FRAME = struct.Struct(">xHH")  # after a frame segment's length: depth, height, width
_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # SOF0 … SOF15; not DHT, JPG, DAC


def read_file(path: str | Path) -> bytes:
    """Read an image file of at most `MAX_BYTES`.

    Raises
    ------
    ImageError
        When it is larger, no file, or cannot be read.
    """
    try:
        # Not to wait for whoever writes into a pipe of that name; of a file it changes nothing.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise ImageError(f"cannot read {path}: not a file")
            if found.st_size > MAX_BYTES:
                raise ImageError(f"{path}: over the limit of {MAX_BYTES:,} bytes")
            data = os.read(descriptor, found.st_size + 1)
            if len(data) != found.st_size:
                raise ImageError(f"cannot read {path}: it changed meanwhile")
            return data
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def stated_size(data: bytes) -> tuple[int, int] | None:
    """Return the width and height in the header of a PNG or JPEG; None of other images and damaged ones."""
    if data.startswith(_PNG_START) and len(data) >= _PNG.size:
        _, width, height = _PNG.unpack_from(data)
        return width, height
    return _jpeg_size(data) if data.startswith(_JPEG_START) else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Go from segment to segment up to the one that describes the frame."""
    place = 2
    while place + 4 + _JPEG_FRAME.size <= len(data) and data[place] == 0xFF:
        if data[place + 1] in _JPEG_FRAMES:
            height, width = _JPEG_FRAME.unpack_from(data, place + 4)
            return width, height
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None
