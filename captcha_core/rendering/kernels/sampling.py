"""Masks turned, stretched and bent in whole numbers: `medley.sampling`, compiled."""

import numpy as np
import numpy.typing as npt

from .compiled import compiled

Mask = npt.NDArray[np.uint8]
Shifts = npt.NDArray[np.int64]


@compiled
def turned(source: Mask, across: tuple[int, int, int], down: tuple[int, int, int], out: Mask) -> None:
    """See `medley.sampling.turned`."""
    rows, columns = source.shape
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            u = across[0] * x + across[1] * y + across[2]
            v = down[0] * x + down[1] * y + down[2]
            i, j = u >> 16, v >> 16
            if 0 <= i < columns - 1 and 0 <= j < rows - 1:
                s, t = (u >> 8) & 255, (v >> 8) & 255
                low = source[j, i] * (256 - s) + source[j, i + 1] * s
                high = source[j + 1, i] * (256 - s) + source[j + 1, i + 1] * s
                out[y, x] = (low * (256 - t) + high * t) >> 16
            else:
                out[y, x] = 0


@compiled
def bent(
    source: Mask, shifts_x: Shifts, shifts_y: Shifts, scales: Shifts, out: Mask, owners: Mask, moved: Mask,
) -> None:  # fmt: skip
    """See `medley.sampling.bent`."""
    rows, columns = source.shape
    middle = rows * 32
    for y in range(rows):
        for x in range(columns):
            u = min(max(x * 64 + shifts_x[y], 0), columns * 64 - 65)
            v = middle + ((y * 64 + shifts_y[x] - middle) * scales[x] >> 8)
            v = min(max(v, 0), rows * 64 - 65)
            i, j, s, t = u >> 6, v >> 6, u & 63, v & 63
            low = source[j, i] * (64 - s) + source[j, i + 1] * s
            high = source[j + 1, i] * (64 - s) + source[j + 1, i + 1] * s
            out[y, x] = (low * (64 - t) + high * t) >> 12
            if owners.size:
                moved[y, x] = owners[j, i]


@compiled
def enlarged(
    source: Mask, first_x: npt.NDArray[np.int32], share_x: npt.NDArray[np.int32],
    first_y: npt.NDArray[np.int32], share_y: npt.NDArray[np.int32], line: npt.NDArray[np.int32], out: Mask,
) -> None:  # fmt: skip
    """See `medley.sampling.enlarged`; `line` is a row of `source`."""
    columns, channels = source.shape[1], source.shape[2]
    for y in range(out.shape[0]):
        j, t = first_y[y], share_y[y]
        for x in range(columns):
            for c in range(channels):
                line[x, c] = (source[j, x, c] * (64 - t) + source[j + 1, x, c] * t + 32) >> 6
        for x in range(out.shape[1]):
            i, s = first_x[x], share_x[x]
            if channels == 3:
                for c in range(3):
                    out[y, x, c] = (line[i, c] * (64 - s) + line[i + 1, c] * s + 32) >> 6
            else:
                value = (line[i, 0] * (64 - s) + line[i + 1, 0] * s + 32) >> 6
                out[y, x, 0] = value
                out[y, x, 1] = value
                out[y, x, 2] = value
