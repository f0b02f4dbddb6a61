"""Pillow's SMOOTH filter: a 3×3 kernel of 1 around a 5, divided by 13; border pixels stay.

Source: ``ImagingFilter3x3`` in Filter.c. Its rounding of the weighted sum s, (2 s + 13) // 26
in integers, is (s + 6) // 13.
"""

import numpy as np
import numpy.typing as npt

from .compiled import compiled
from .vectors import copy_4

# n // 13 == n * _RECIPROCAL >> 16 for n up to 13 * 255 + 6: a multiplication in 16-bit lanes.
_RECIPROCAL = 5042
_BLOCK = 8

LANES = 64
"""Columns are processed in multiples of this number of bytes."""


def scratch_sizes(height: int) -> tuple[int, int]:
    """Return the sizes of the scratch of `smooth`: number of sums, and bytes of columns."""
    padded = -(-3 * height // LANES) * LANES
    return padded + LANES, _BLOCK * padded + LANES


@compiled
def smooth(
    canvas: npt.NDArray[np.uint8],
    width: int,
    height: int,
    sums: npt.NDArray[np.uint16],
    columns: npt.NDArray[np.uint8],
    out: npt.NDArray[np.uint8],
) -> None:
    """Smooth a column-major canvas into a row-major image.

    Parameters
    ----------
    canvas
        uint8 of shape (at least width, at least as many as `sums`), 3 × height of which
        count, and at least three pixels each way.
    sums, columns
        Scratch of `scratch_sizes`.
    out
        uint8 of shape (height × width × 3,).
    """
    padded = (3 * height + LANES - 1) // LANES * LANES
    for block in range(0, width, _BLOCK):
        count = min(_BLOCK, width - block)
        for i in range(count):
            if block + i == 0 or block + i == width - 1:
                _copy_column(canvas, block + i, padded, columns, i * padded)
            else:
                _smooth_column(canvas, block + i, 3 * height, padded, sums, columns, i * padded)
        if count == _BLOCK:
            _copy_block(columns, padded, height, out, 3 * block, 3 * width)
        else:
            _copy_columns(columns, count, padded, height, out, 3 * block, 3 * width)


@compiled
def _copy_column(
    canvas: npt.NDArray[np.uint8], x: int, padded: int, columns: npt.NDArray[np.uint8], start: int
) -> None:
    for i in range(np.uint64(padded)):
        columns[np.uint64(start) + i] = canvas[np.uint64(x), i]


@compiled
def _smooth_column(
    canvas: npt.NDArray[np.uint8],
    x: int,
    size: int,
    padded: int,
    sums: npt.NDArray[np.uint16],
    columns: npt.NDArray[np.uint8],
    start: int,
) -> None:
    """Smooth one column; the values past its end are overwritten by the next column."""
    middle, origin, length = np.uint64(x), np.uint64(start), np.uint64(padded)
    before, after, three, six = middle - np.uint64(1), middle + np.uint64(1), np.uint64(3), np.uint64(6)
    for i in range(length):
        sums[i] = np.uint16(canvas[before, i]) + np.uint16(canvas[middle, i]) + np.uint16(canvas[after, i])
    for i in range(length):
        ring = np.uint16(sums[i] + sums[i + three] + sums[i + six])
        total = np.uint32(
            np.uint16(ring + np.uint16(4) * np.uint16(canvas[middle, i + three]) + np.uint16(6))
        )
        sums[i] = np.uint16(np.uint32(total * np.uint32(_RECIPROCAL)) >> np.uint32(16))
    for i in range(length):
        columns[origin + three + i] = np.uint8(sums[i])
    last = np.uint64(size) - three
    for i in range(three):
        columns[origin + i] = canvas[middle, i]
        columns[origin + last + i] = canvas[middle, last + i]


@compiled
def _copy_block(
    columns: npt.NDArray[np.uint8],
    padded: int,
    height: int,
    out: npt.NDArray[np.uint8],
    left: int,
    stride: int,
) -> None:
    """Copy `_BLOCK` columns into the image, four bytes at a time: the fourth is the next pixel's first."""
    size, three = np.uint64(padded), np.uint64(3)
    for y in range(np.uint64(height)):
        target, source = np.uint64(left) + y * np.uint64(stride), three * y
        for i in range(np.uint64(_BLOCK - 1)):
            copy_4(out, target + three * i, columns, source + size * i)
        target, source = target + np.uint64(3 * _BLOCK - 3), source + size * np.uint64(_BLOCK - 1)
        for band in range(three):
            out[target + band] = columns[source + band]


@compiled
def _copy_columns(
    columns: npt.NDArray[np.uint8],
    count: int,
    padded: int,
    height: int,
    out: npt.NDArray[np.uint8],
    left: int,
    stride: int,
) -> None:
    for y in range(np.uint64(height)):
        for i in range(np.uint64(count)):
            target = np.uint64(left) + y * np.uint64(stride) + np.uint64(3) * i
            source = np.uint64(3) * y + np.uint64(padded) * i
            for band in range(np.uint64(3)):
                out[target + band] = columns[source + band]
