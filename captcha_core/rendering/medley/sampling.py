"""Masks turned, stretched and bent, in whole numbers.

So numpy and the compiled kernels give the same pixels, and every machine does.
"""

import abc
import functools

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.uint8]
Line = tuple[int, int, int]
Shifts = npt.NDArray[np.int64]


class Sampler(abc.ABC):
    """Makes masks of masks."""

    @abc.abstractmethod
    def turned(self, source: Mask, across: Line, down: Line, size: tuple[int, int]) -> Mask:
        """Sample a mask along an affine map.

        Parameters
        ----------
        across, down
            The column and the row of `source`, in 65536ths, that the result's pixel (x, y)
            takes its value from: of ``(a, b, c)``, ``a x + b y + c``. Between pixels,
            neighbours count by their nearness; outside, all is 0.
        size
            Columns and rows of the result.
        """

    @abc.abstractmethod
    def bent(
        self, source: Mask, owners: Mask | None, shifts: tuple[Shifts, Shifts, Shifts]
    ) -> tuple[Mask, Mask | None]:
        """Displace a mask, and whose its pixels are.

        Parameters
        ----------
        shifts
            By row, how far the source lies to the right; by column, how far below, both in
            64ths of a pixel; by column, what distances from the middle row are multiplied
            by, in 256ths.
        """

    @abc.abstractmethod
    def enlarged(self, source: Mask, out: Mask) -> None:
        """Enlarge an image, between its pixels by their nearness.

        Parameters
        ----------
        source
            uint8 of shape (rows, columns, 1 or 3).
        out
            uint8 of shape (rows, columns, 3), filled in; no smaller either way.
        """


class NumpySampler(Sampler):
    """With numpy alone."""

    def turned(self, source: Mask, across: Line, down: Line, size: tuple[int, int]) -> Mask:
        x, y = np.arange(size[0], dtype=np.int32), np.arange(size[1], dtype=np.int32)[:, None]
        u = across[0] * x + (across[1] * y + across[2])
        v = down[0] * x + (down[1] * y + down[2])
        i, j = u >> 16, v >> 16
        inside = (i >= 0) & (i < source.shape[1] - 1) & (j >= 0) & (j < source.shape[0] - 1)
        first = np.where(inside, j * source.shape[1] + i, 0)
        mixed = _mixed(source, first, (u >> 8) & 255, (v >> 8) & 255, 8)
        return np.where(inside, mixed, np.uint8(0))

    def bent(
        self, source: Mask, owners: Mask | None, shifts: tuple[Shifts, Shifts, Shifts]
    ) -> tuple[Mask, Mask | None]:
        rows, columns = source.shape
        middle = rows * 32
        u = np.clip(np.arange(columns) * 64 + shifts[0][:, None], 0, columns * 64 - 65)
        v = middle + ((np.arange(rows)[:, None] * 64 + shifts[1] - middle) * shifts[2] >> 8)
        v = np.clip(v, 0, rows * 64 - 65)
        first = (v >> 6) * columns + (u >> 6)
        bent = _mixed(source, first, u & 63, v & 63, 6)
        return bent, None if owners is None else owners.ravel().take(first)

    def enlarged(self, source: Mask, out: Mask) -> None:
        first, share = _between(source.shape[0], out.shape[0])
        lines = _lerp(source, first, share[:, None, None])
        first, share = _between(source.shape[1], out.shape[1])
        out[:] = _lerp(lines.transpose(1, 0, 2), first, share[:, None, None]).transpose(1, 0, 2)


class CompiledSampler(Sampler):
    """With numba, the same pixels in a fraction of the time."""

    def turned(self, source: Mask, across: Line, down: Line, size: tuple[int, int]) -> Mask:
        from ..kernels import sampling

        out = np.empty((size[1], size[0]), np.uint8)
        sampling.turned(source, across, down, out)
        return out

    def bent(
        self, source: Mask, owners: Mask | None, shifts: tuple[Shifts, Shifts, Shifts]
    ) -> tuple[Mask, Mask | None]:
        from ..kernels import sampling

        out = np.empty_like(source)
        followed = owners if owners is not None else np.empty((0, 0), np.uint8)
        moved = np.empty_like(followed)
        sampling.bent(source, *shifts, out, followed, moved)
        return out, None if owners is None else moved

    def enlarged(self, source: Mask, out: Mask) -> None:
        from ..kernels import sampling

        across, down = _between(source.shape[1], out.shape[1]), _between(source.shape[0], out.shape[0])
        line = np.empty(source.shape[1:], np.int32)
        sampling.enlarged(source, *across, *down, line, out)


@functools.lru_cache(maxsize=1024)
def _between(size_in: int, size_out: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return for each line of an enlarged image the line before it, and the share of the next in 64ths."""
    middles = ((2 * np.arange(size_out) + 1) * size_in * 32) // size_out - 32
    middles = np.clip(middles, 0, (size_in - 1) * 64 - 1).astype(np.int32)
    return middles >> 6, middles & 63


def _lerp(lines: Mask, first: npt.NDArray[np.int32], share: npt.NDArray[np.int32]) -> Mask:
    before, after = lines[first].astype(np.int32), lines[first + 1]
    return ((before * (64 - share) + after * share + 32) >> 6).astype(np.uint8)


def _mixed(
    source: Mask, first: npt.NDArray[np.signedinteger], s: npt.NDArray[np.signedinteger],
    t: npt.NDArray[np.signedinteger], bits: int,
) -> Mask:  # fmt: skip
    """Return the mean of four neighbouring pixels, by their nearness."""
    flat, one = source.astype(np.int32).ravel(), 1 << bits
    below = first + source.shape[1]
    low = flat.take(first) * (one - s) + flat.take(first + 1) * s
    high = flat.take(below) * (one - s) + flat.take(below + 1) * s
    mixed: Mask = ((low * (one - t) + high * t) >> 2 * bits).astype(np.uint8)
    return mixed
