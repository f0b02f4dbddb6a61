"""The masks that the kernels draw from, grown as they are needed."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .glyphs import Glyph
from .kernels.records import METRICS, Glyphs

MASK_BYTES = 256 << 20


class Bounds(NamedTuple):
    """Greatest sizes of any glyph so far, and the least of a box, in pixels."""

    columns: int = 0
    rows: int = 0
    width: int = 0
    height: int = 0
    least: int = 1 << 30

    def with_glyph(self, glyph: Glyph) -> "Bounds":
        rows, columns = glyph.mask.shape
        width, height = int(glyph.width), int(glyph.height)
        return Bounds(
            max(self.columns, columns),
            max(self.rows, rows),
            max(self.width, width),
            max(self.height, height),
            min(self.least, width, height),
        )


class Atlas:
    """Glyph masks end to end in one array, by face and code.

    Parameters
    ----------
    faces
        Fonts in all their sizes.
    mask_bytes
        What the masks may take before it is time to forget them.

    Attributes
    ----------
    glyphs
        What the kernels take.
    bounds
        Of all glyphs ever added, so that buffers of that size serve whatever is in.
    """

    def __init__(self, faces: int, mask_bytes: int = MASK_BYTES) -> None:
        self._faces = faces
        self._mask_bytes = mask_bytes
        self._codes = 1
        self.bounds = Bounds()
        self.clear()

    def clear(self) -> None:
        """Forget all masks."""
        self.glyphs = Glyphs(
            np.full((self._faces, self._codes), -1, np.int64),
            np.zeros((0, METRICS), np.int64),
            np.zeros(1, np.uint8),
        )

    @property
    def full(self) -> bool:
        """Whether it is time to forget the masks: they would take too much memory."""
        return self.glyphs.masks.nbytes > self._mask_bytes

    def widen(self, codes: int) -> None:
        """Make room for codes under `codes`."""
        missing = codes - self._codes
        if missing > 0:
            slots = np.pad(self.glyphs.slots, ((0, 0), (0, missing)), constant_values=-1)
            self.glyphs = self.glyphs._replace(slots=slots)
            self._codes = codes

    def add(self, drawn: Sequence[tuple[int, int, Glyph]]) -> None:
        """Add glyphs, each with its face and code."""
        start = self.glyphs.masks.nbytes
        table: list[tuple[int, ...]] = []
        masks: list[npt.NDArray[np.uint8]] = []
        for face, code, glyph in drawn:
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
