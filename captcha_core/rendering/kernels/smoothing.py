"""Pillow's SMOOTH filter: weights 1 around a 5, over 13; the outermost pixels stay.

Source: ``ImagingFilter3x3`` in Filter.c. In integers its rounding is (2 s + 13) // 26.
"""

import numpy as np
import numpy.typing as npt

from .compiled import compiled

# n // 26 is n * _RECIPROCAL >> 23 for n up to 2 * 13 * 255 + 13, within 32 bits.
_RECIPROCAL = 322639
_SHIFT = 23


@compiled
def smooth(
    canvas: npt.NDArray[np.uint8],
    width: int,
    height: int,
    sums: npt.NDArray[np.int32],
    line: npt.NDArray[np.uint8],
    out: npt.NDArray[np.uint8],
) -> None:
    """Smooth a column-major canvas into a row-major image.

    Parameters
    ----------
    canvas
        uint8 of shape (at least width, at least 3 × height).
    sums, line
        Scratch of at least 3 × height.
    out
        uint8 of shape (height, width, 3).
    """
    size = np.uint64(3 * height)
    three = np.uint64(3)
    for x in range(width):
        middle = np.uint64(x)
        if x == 0 or x == width - 1:
            for y in range(height):
                for band in range(3):
                    out[y, x, band] = canvas[x, 3 * y + band]
            continue
        before, after = middle - np.uint64(1), middle + np.uint64(1)
        for i in range(size):
            sums[i] = np.int32(canvas[before, i]) + np.int32(canvas[middle, i]) + np.int32(canvas[after, i])
        for i in range(size - np.uint64(6)):
            total = sums[i] + sums[i + three] + sums[i + np.uint64(6)]
            total += np.int32(4) * np.int32(canvas[middle, i + three])
            line[i + three] = np.uint8(np.int32((2 * total + 13) * _RECIPROCAL) >> _SHIFT)
        for band in range(3):
            line[band] = canvas[x, band]
            line[3 * height - 3 + band] = canvas[x, 3 * height - 3 + band]
        for y in range(np.uint64(height)):
            for band in range(np.uint64(3)):
                out[y, middle, band] = line[three * y + band]
