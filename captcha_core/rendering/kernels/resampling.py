"""Pillow's bicubic resize in fixed point, on lines of bytes.

Source: ``precompute_coeffs``, ``normalize_coeffs_8bpc`` and the 8-bit passes of
Resample.c. A pass makes each line of the result from a few neighbouring lines; with
columns as lines it is the horizontal pass, with rows the vertical one. Either way the
inner loop runs over contiguous bytes, so LLVM vectorises it.
"""

import math

import numpy as np
import numpy.typing as npt

from .compiled import compiled

LANES = 32
"""Lines are read and written in multiples of so many bytes."""
SPARE_LINES = 8
"""A pass may read so many lines past the last one, and multiply them by 0."""

_BITS = 22
_HALF = 1 << (_BITS - 1)
_UNROLLED = 8


@compiled
def _bicubic(x: float) -> float:
    x = abs(x)
    if x < 1.0:
        return (1.5 * x - 2.5) * x * x + 1.0
    if x < 2.0:
        return (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5
    return 0.0


@compiled
def weights(
    size_in: int,
    size_out: int,
    first: npt.NDArray[np.int64],
    weight: npt.NDArray[np.int32],
    exact: npt.NDArray[np.float64],
) -> int:
    """Fill in which lines make each line of the result, and with what weights.

    Parameters
    ----------
    first
        int64 of shape (at least size_out,): the first source line of each.
    weight
        int32 of shape (at least size_out, at least `most_taps(size_in, size_out)`):
        weights times 2**22; 0 past the last line used.
    exact
        float64 scratch of at least `most_taps(size_in, size_out)`.

    Returns
    -------
    the number of weights to use for every line
    """
    scale = size_in / size_out
    stretch = max(scale, 1.0)
    support = 2.0 * stretch
    inverse = 1.0 / stretch
    most = 0
    for line in range(size_out):
        centre = 0.0 + (line + 0.5) * scale
        low = max(int(centre - support + 0.5), 0)
        count = min(int(centre + support + 0.5), size_in) - low
        total = 0.0
        for tap in range(count):
            exact[tap] = _bicubic((tap + low - centre + 0.5) * inverse)
            total += exact[tap]
        for tap in range(count):
            share = (exact[tap] / total if total != 0.0 else exact[tap]) * (1 << _BITS)
            weight[line, tap] = np.int32(int(share - 0.5) if share < 0.0 else int(share + 0.5))
        for tap in range(count, weight.shape[1]):
            weight[line, tap] = 0
        first[line] = low
        most = max(most, count)
    return most


@compiled
def most_taps(size_in: int, size_out: int) -> int:
    """Return how many columns `weights` needs room for."""
    return max(int(math.ceil(2.0 * max(size_in / size_out, 1.0))) * 2 + 1, _UNROLLED)


@compiled
def _clip(total: int) -> np.uint8:
    value = np.int32(total) >> np.int32(_BITS)
    return np.uint8(min(max(value, np.int32(0)), np.int32(255)))


@compiled
def resample(
    source: npt.NDArray[np.uint8],
    first: npt.NDArray[np.int64],
    weight: npt.NDArray[np.int32],
    taps: int,
    lines: int,
    length: int,
    out: npt.NDArray[np.uint8],
    sums: npt.NDArray[np.int32],
) -> None:
    """Make `lines` lines of `length` bytes.

    Parameters
    ----------
    source, out
        uint8 of shape (lines, bytes); rows hold `length` rounded up to `LANES`, and
        `source` has `SPARE_LINES` more than are used.
    sums
        int32 scratch of `length` rounded up to `LANES`.
    """
    size = np.uint64((length + LANES - 1) // LANES * LANES)
    for line in range(lines):
        s = np.uint64(first[line])
        o = np.uint64(line)
        k0, k1, k2, k3 = weight[line, 0], weight[line, 1], weight[line, 2], weight[line, 3]
        if taps <= 4:
            for i in range(size):
                out[o, i] = _clip(
                    _HALF
                    + k0 * source[s, i]
                    + k1 * source[s + np.uint64(1), i]
                    + k2 * source[s + np.uint64(2), i]
                    + k3 * source[s + np.uint64(3), i]
                )
            continue
        k4, k5, k6, k7 = weight[line, 4], weight[line, 5], weight[line, 6], weight[line, 7]
        if taps <= 6:
            for i in range(size):
                out[o, i] = _clip(
                    _HALF
                    + k0 * source[s, i]
                    + k1 * source[s + np.uint64(1), i]
                    + k2 * source[s + np.uint64(2), i]
                    + k3 * source[s + np.uint64(3), i]
                    + k4 * source[s + np.uint64(4), i]
                    + k5 * source[s + np.uint64(5), i]
                )
        elif taps <= _UNROLLED:
            for i in range(size):
                out[o, i] = _clip(
                    _HALF
                    + k0 * source[s, i]
                    + k1 * source[s + np.uint64(1), i]
                    + k2 * source[s + np.uint64(2), i]
                    + k3 * source[s + np.uint64(3), i]
                    + k4 * source[s + np.uint64(4), i]
                    + k5 * source[s + np.uint64(5), i]
                    + k6 * source[s + np.uint64(6), i]
                    + k7 * source[s + np.uint64(7), i]
                )
        else:
            for i in range(size):
                sums[i] = _HALF
            for tap in range(taps):
                k = weight[line, tap]
                if k != 0:
                    t = s + np.uint64(tap)
                    for i in range(size):
                        sums[i] += k * source[t, i]
            for i in range(size):
                out[o, i] = _clip(sums[i])
