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
"""Lines are read and written in multiples of this number of bytes."""
SPARE_LINES = 8
"""A pass may read this many lines past the last one, with weight 0."""

_BITS = 22
_HALF = 1 << (_BITS - 1)
_UNROLLED = 8


@compiled
def filter_weights(
    size_in: int,
    size_out: int,
    first: npt.NDArray[np.int64],
    weight: npt.NDArray[np.int32],
    exact: npt.NDArray[np.float64],
) -> int:
    """Compute the source lines of each line of the result, and their weights.

    Parameters
    ----------
    first
        int64 of shape (at least size_out,): the first source line of each line.
    weight
        int32 of shape (at least `max_taps(size_in, size_out)`, at least size_out):
        weights times 2**22; 0 past the last line used.
    exact
        float64 scratch of shape (at least 3 more than `weight`, at least size_out).

    Returns
    -------
    the number of weights to use for every line
    """
    scale = size_in / size_out
    stretch = max(scale, 1.0)
    support = 2.0 * stretch
    inverse = 1.0 / stretch
    size = np.uint64(size_out)
    last = np.int32(size_in)
    totals, centres, counts = exact[0], exact[1], exact[2]
    max_count = 0.0
    for line in range(size):
        centre = (line + 0.5) * scale
        low = np.int32(max(np.int32(centre - support + 0.5), np.int32(0)))
        count = np.int32(min(np.int32(centre + support + 0.5), last)) - low
        first[line] = low
        totals[line], centres[line], counts[line] = 0.0, centre, count
        max_count = max(max_count, counts[line])
    taps = np.uint64(max_count)
    for tap in range(taps):
        for line in range(size):
            x = abs((np.float64(first[line] + np.int64(tap)) - centres[line] + 0.5) * inverse)
            near = (1.5 * x - 2.5) * x * x + 1.0
            far = (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5
            value = near if x < 1.0 else (far if x < 2.0 else 0.0)
            value = value if tap < counts[line] else 0.0
            exact[tap + np.uint64(3), line] = value
            totals[line] += value
    for tap in range(taps):
        for line in range(size):
            # The positive centre of a bicubic filter outweighs its negative lobes, so the total is never 0.
            scaled = exact[tap + np.uint64(3), line] / totals[line] * (1 << _BITS)
            weight[tap, line] = np.int32(scaled + (-0.5 if scaled < 0.0 else 0.5))
    for tap in range(taps, np.uint64(_UNROLLED)):
        for line in range(size):
            weight[tap, line] = 0
    return int(taps)


@compiled
def max_taps(size_in: int, size_out: int) -> int:
    """Return the number of rows that `filter_weights` needs."""
    return max(math.ceil(2.0 * max(size_in / size_out, 1.0)) * 2 + 1, _UNROLLED)


@compiled
def _add(total: np.int32, weight: np.int32, value: np.uint8) -> np.int32:
    # Without the inner conversion numba multiplies in 64 bits, which halves the number of vector lanes.
    return np.int32(total + np.int32(weight * np.int32(value)))


@compiled
def _clip(total: np.int32) -> np.uint8:
    value = np.int32(total >> np.int32(_BITS))
    return np.uint8(np.int32(min(np.int32(max(value, np.int32(0))), np.int32(255))))


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
    half = np.int32(_HALF)
    for line in range(lines):
        o, s0 = np.uint64(line), np.uint64(first[line])
        s1, s2, s3 = s0 + np.uint64(1), s0 + np.uint64(2), s0 + np.uint64(3)
        s4, s5, s6, s7 = s0 + np.uint64(4), s0 + np.uint64(5), s0 + np.uint64(6), s0 + np.uint64(7)
        k0, k1, k2, k3 = weight[0, line], weight[1, line], weight[2, line], weight[3, line]
        k4, k5, k6, k7 = weight[4, line], weight[5, line], weight[6, line], weight[7, line]
        if taps <= 4:
            for i in range(size):
                total = _add(_add(half, k0, source[s0, i]), k1, source[s1, i])
                out[o, i] = _clip(_add(_add(total, k2, source[s2, i]), k3, source[s3, i]))
        elif taps <= 6:
            for i in range(size):
                total = _add(_add(half, k0, source[s0, i]), k1, source[s1, i])
                total = _add(_add(total, k2, source[s2, i]), k3, source[s3, i])
                out[o, i] = _clip(_add(_add(total, k4, source[s4, i]), k5, source[s5, i]))
        elif taps <= _UNROLLED:
            for i in range(size):
                total = _add(_add(half, k0, source[s0, i]), k1, source[s1, i])
                total = _add(_add(total, k2, source[s2, i]), k3, source[s3, i])
                total = _add(_add(total, k4, source[s4, i]), k5, source[s5, i])
                out[o, i] = _clip(_add(_add(total, k6, source[s6, i]), k7, source[s7, i]))
        else:
            _resample_line(source, line, first, weight, taps, size, out, sums)


@compiled
def _resample_line(
    source: npt.NDArray[np.uint8],
    line: int,
    first: npt.NDArray[np.int64],
    weight: npt.NDArray[np.int32],
    taps: int,
    size: np.uint64,
    out: npt.NDArray[np.uint8],
    sums: npt.NDArray[np.int32],
) -> None:
    """Compute one line from any number of source lines."""
    for i in range(size):
        sums[i] = _HALF
    for tap in range(taps):
        k = weight[tap, line]
        if k != 0:
            s = np.uint64(first[line] + tap)
            for i in range(size):
                sums[i] = _add(sums[i], k, source[s, i])
    for i in range(size):
        out[np.uint64(line), i] = _clip(sums[i])
