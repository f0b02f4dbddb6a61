"""The records that the kernels pass to each other."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

START, COLUMNS, ROWS, LEFT, TOP, WIDTH, HEIGHT, METRICS = range(8)
"""Columns of `Glyphs.table`."""

SLOT, DX, DY, X1, Y1, X2, Y2 = range(7)
"""Columns of `Scratch.pieces`: the glyph's row in `Glyphs.table`, its offset, the moves of its corners."""

SPACE = 0
"""The code of the space that upstream puts before some characters."""

ImageWords = npt.NDArray[np.uint32]
"""The random words of one image."""

Colour = tuple[int, int, int, int]
"""R, G, B, opacity."""


class Parameters(NamedTuple):
    """A spec as plain numbers. Pairs are ranges with both ends included; -1 stands for a random colour."""

    width: int
    height: int
    faces: int
    offset_dx: tuple[int, int]
    offset_dy: tuple[int, int]
    rotate: tuple[float, float]
    warp_dx: tuple[float, float]
    warp_dy: tuple[float, float]
    space: float
    overlap: float
    dots: int
    curve: bool
    background: tuple[int, int, int]
    colour: tuple[int, int, int, int]
    stamp: npt.NDArray[np.int64]
    """(pixels, 2): the x and y offsets of a dot's pixels."""
    vertical_first: bool
    """Whether this Pillow may run the vertical pass of a resize first."""


class Glyphs(NamedTuple):
    """The glyph masks in the atlas."""

    slots: npt.NDArray[np.int64]
    """(faces, codes): the glyph's row in `table`, -1 if missing."""
    table: npt.NDArray[np.int64]
    """(glyphs, METRICS): the start of each mask in `masks`, its size, and the glyph's metrics."""
    masks: npt.NDArray[np.uint8]
    """(bytes,): masks with a border of one pixel that repeats the edge, end to end."""


class Lookups(NamedTuple):
    """Scratch for one column of a rotation or a warp: the source of each of its pixels."""

    middles: npt.NDArray[np.float64]
    """0.5, 1.5, …"""
    sources: npt.NDArray[np.int32]
    right: npt.NDArray[np.float64]
    down: npt.NDArray[np.float64]


class Scratch(NamedTuple):
    """Buffers that all images share, one after the other; allocated by `rendering.buffers`."""

    rotated: npt.NDArray[np.uint8]
    """A glyph after its rotation, column-major. The four buffers of a glyph, each also viewed as
    RGBA pixels, are in the order of the steps of `piece.resize`."""
    rotated_pixels: npt.NDArray[np.uint32]
    widened: npt.NDArray[np.uint8]
    widened_pixels: npt.NDArray[np.uint32]
    transposed: npt.NDArray[np.uint8]
    transposed_pixels: npt.NDArray[np.uint32]
    stretched: npt.NDArray[np.uint8]
    stretched_pixels: npt.NDArray[np.uint32]
    """One row more than is written, so that the last pixel stays 0."""
    lookups: Lookups
    first: npt.NDArray[np.int64]
    weight: npt.NDArray[np.int32]
    exact: npt.NDArray[np.float64]
    """`first`, `weight` and `exact` of `resampling.filter_weights`."""
    sums: npt.NDArray[np.int32]
    clipped: npt.NDArray[np.uint8]
    """The clipped mask of a glyph, with its border."""
    premultiplied: npt.NDArray[np.float64]
    """(256, 4): the premultiplied R, G, B, A of each coverage."""
    pixels_by_coverage: npt.NDArray[np.uint32]
    """(256,): the RGBA pixel of each coverage."""
    pieces: npt.NDArray[np.int64]
    """(glyphs, 7): the numbers drawn for each glyph, in columns `SLOT` to `Y2`."""
    angles: npt.NDArray[np.float64]
    """The angle of each glyph, in degrees."""
    planes: npt.NDArray[np.float64]
    events: npt.NDArray[np.int64]
    canvas: npt.NDArray[np.uint8]
    narrowed: npt.NDArray[np.uint8]
    """The canvas after narrowing to the width of the image; `narrowing_first` and
    `narrowing_weight` are the filter of that."""
    narrowing_first: npt.NDArray[np.int64]
    narrowing_weight: npt.NDArray[np.int32]
    columns: npt.NDArray[np.uint8]
    column_sums: npt.NDArray[np.uint16]


class Tables(NamedTuple):
    """uint8 of shape (65536,) each: the result for a premultiplied v under alpha a, at 256 a + v."""

    straight: npt.NDArray[np.uint8]
    """Unpremultiplied ("straight" alpha)."""
    round_trip: npt.NDArray[np.uint8]
    """Unpremultiplied and premultiplied again, each with its rounding."""
