"""Image files before decoding: their extensions, their bytes, and the size in their header.

This module imports neither numpy nor Pillow, so that a command which only lists images starts fast.
"""

import functools
import operator
import os
import stat
import struct
from pathlib import Path

from ..errors import ImageError

MAX_BYTES = 32 << 20
EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"})

_PNG_HEADER = struct.Struct(">16sII")  # signature, length and type of the first chunk (IHDR); width, height
_PNG_PREFIX = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_JPEG_PREFIX = b"\xff\xd8\xff"
_JPEG_FRAME_HEADER = struct.Struct(">xHH")  # after the segment's length: bits a sample, height, width
_JPEG_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # SOF0 … SOF15; not DHT, JPG, DAC

# Of these Windows has O_BINARY alone, without which it would change line ends.
_FLAGS = functools.reduce(
    operator.or_, (getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NONBLOCK", "O_BINARY")), os.O_RDONLY
)


def read_file(path: str | Path) -> bytes:
    """Read an image file of at most `MAX_BYTES`.

    Raises
    ------
    ImageError
        When it is larger, is not a regular file, or cannot be read.
    """
    try:
        # O_NONBLOCK: opening a named pipe must not wait for its writer. Regular files ignore it.
        descriptor = os.open(path, _FLAGS)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ImageError(f"cannot read {path}: not a file")
            if status.st_size > MAX_BYTES:
                raise ImageError(f"{path}: over the limit of {MAX_BYTES:,} bytes")
            data = os.read(descriptor, status.st_size + 1)
            if len(data) != status.st_size:
                raise ImageError(f"cannot read {path}: it changed meanwhile")
            return data
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def size_from_header(data: bytes) -> tuple[int, int] | None:
    """Return the width and height in a PNG or JPEG header; None for other formats and damaged headers."""
    if data.startswith(_PNG_PREFIX) and len(data) >= _PNG_HEADER.size:
        _, width, height = _PNG_HEADER.unpack_from(data)
        return width, height
    return _jpeg_size(data) if data.startswith(_JPEG_PREFIX) else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Walk the segments of a JPEG file up to its frame header (SOF), which holds the size."""
    offset = 2
    while offset + 4 + _JPEG_FRAME_HEADER.size <= len(data) and data[offset] == 0xFF:
        if data[offset + 1] in _JPEG_FRAME_MARKERS:
            height, width = _JPEG_FRAME_HEADER.unpack_from(data, offset + 4)
            return width, height
        offset += 2 + int.from_bytes(data[offset + 2 : offset + 4], "big")
    return None
