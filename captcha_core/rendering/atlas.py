"""The glyph masks that the kernels draw from, added as texts need them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .glyphs import Glyph
from .kernels.records import METRICS, Glyphs

MASK_BYTES = 256 << 20


class Bounds(NamedTuple):
    """Bounds of all glyphs so far, in pixels.

    Attributes
    ----------
    columns, rows
        Size of the largest mask.
    width, height
        Size of the largest text box (`Glyph.width`, `Glyph.height`).
    min_side
        The shortest side of any text box.
    """

    columns: int = 0
    rows: int = 0
    width: int = 0
    height: int = 0
    min_side: int = 1 << 30

    def with_glyph(self, glyph: Glyph) -> "Bounds":
        """Return the bounds extended by one glyph."""
        rows, columns = glyph.mask.shape
        width, height = int(glyph.width), int(glyph.height)
        return Bounds(
            max(self.columns, columns),
            max(self.rows, rows),
            max(self.width, width),
            max(self.height, height),
            min(self.min_side, width, height),
        )


class Atlas:
    """Glyph masks end to end in one array, indexed by face and code.

    Parameters
    ----------
    faces
        Number of faces: fonts times sizes.
    mask_bytes
        Bytes of masks from which on `full` is true.

    Attributes
    ----------
    glyphs
        The masks and their metrics, as the kernels take them.
    bounds
        Bounds of all glyphs ever added, so that buffers of that size serve any of them.
    """

    def __init__(self, faces: int, mask_bytes: int = MASK_BYTES) -> None:
        self._faces = faces
        self._mask_bytes = mask_bytes
        self._codes = 1
        self.bounds = Bounds()
        self.clear()

    def clear(self) -> None:
        """Remove all masks."""
        self.glyphs = Glyphs(
            np.full((self._faces, self._codes), -1, np.int64),
            np.zeros((0, METRICS), np.int64),
            np.zeros(1, np.uint8),
        )

    @property
    def full(self) -> bool:
        """Whether the masks take more memory than allowed, and should be cleared."""
        return self.glyphs.masks.nbytes > self._mask_bytes

    def widen(self, codes: int) -> None:
        """Extend the table to codes below `codes`."""
        added = codes - self._codes
        if added > 0:
            slots = np.pad(self.glyphs.slots, ((0, 0), (0, added)), constant_values=-1)
            self.glyphs = self.glyphs._replace(slots=slots)
            self._codes = codes

    def add(self, glyphs: Sequence[tuple[int, int, Glyph]]) -> None:
        """Add glyphs, each with its face and code."""
        start = self.glyphs.masks.nbytes
        table: list[tuple[int, ...]] = []
        masks: list[npt.NDArray[np.uint8]] = []
        for face, code, glyph in glyphs:
            self.glyphs.slots[face, code] = len(self.glyphs.table) + len(table)
            self.bounds = self.bounds.with_glyph(glyph)
            rows, columns = glyph.mask.shape
            table.append((start, columns, rows, glyph.left, glyph.top, int(glyph.width), int(glyph.height)))
            if columns:
                masks.append(np.pad(glyph.mask, 1, mode="edge").ravel())
                start += len(masks[-1])
        self.glyphs = self.glyphs._replace(
            table=np.concatenate([self.glyphs.table, np.array(table, np.int64)]),
            masks=np.concatenate([self.glyphs.masks, *masks]),
        )
