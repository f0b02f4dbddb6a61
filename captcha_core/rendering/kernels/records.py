"""What the kernels pass to each other."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

START, COLUMNS, ROWS, LEFT, TOP, WIDTH, HEIGHT, METRICS = range(8)
"""Columns of a table of glyphs."""

SPACE = 0
"""The code of the blank that upstream puts before some characters."""

Row = npt.NDArray[np.uint32]
"""The words of one image."""

Colour = tuple[int, int, int, int]
"""R, G, B, opacity."""


class Knobs(NamedTuple):
    """A spec in plain numbers."""

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
    """-1 where drawn."""
    colour: tuple[int, int, int, int]
    """-1 where drawn."""
    stamp: npt.NDArray[np.int64]
    """(pixels, 2): a dot."""
    vertical_first: bool
    """Whether this Pillow may resize rows before columns."""


class Glyphs(NamedTuple):
    """The masks drawn so far."""

    slots: npt.NDArray[np.int64]
    """(faces, codes): rows of `table`, -1 where not drawn yet."""
    table: npt.NDArray[np.int64]
    """(glyphs, METRICS)"""
    masks: npt.NDArray[np.uint8]
    """(bytes,): masks with a border of one pixel that repeats the edge, end to end."""


class Lookups(NamedTuple):
    """Scratch for one column of a rotation or a warp: where its pixels come from."""

    middles: npt.NDArray[np.float64]
    """0.5, 1.5, …"""
    sources: npt.NDArray[np.int32]
    right: npt.NDArray[np.float64]
    down: npt.NDArray[np.float64]


class Scratch(NamedTuple):
    """Buffers that every image uses anew; sized by `rendering.buffers`."""

    turned: npt.NDArray[np.uint8]
    turned_pixels: npt.NDArray[np.uint32]
    widened: npt.NDArray[np.uint8]
    widened_pixels: npt.NDArray[np.uint32]
    flipped: npt.NDArray[np.uint8]
    flipped_pixels: npt.NDArray[np.uint32]
    stretched: npt.NDArray[np.uint8]
    stretched_pixels: npt.NDArray[np.uint32]
    """One row more than is written, so that the last pixel stays 0."""
    lookups: Lookups
    first: npt.NDArray[np.int64]
    weight: npt.NDArray[np.int32]
    exact: npt.NDArray[np.float64]
    sums: npt.NDArray[np.int32]
    cut: npt.NDArray[np.uint8]
    premultiplied: npt.NDArray[np.float64]
    solid: npt.NDArray[np.uint32]
    pieces: npt.NDArray[np.int64]
    angles: npt.NDArray[np.float64]
    planes: npt.NDArray[np.float64]
    events: npt.NDArray[np.int64]
    canvas: npt.NDArray[np.uint8]
    sheet: npt.NDArray[np.uint8]
    page_first: npt.NDArray[np.int64]
    page_weight: npt.NDArray[np.int32]
    columns: npt.NDArray[np.uint8]
    column_sums: npt.NDArray[np.uint16]


class Tables(NamedTuple):
    """uint8 of shape (65536,) each: what becomes of a premultiplied v under alpha a, at 256 a + v."""

    straight: npt.NDArray[np.uint8]
    again: npt.NDArray[np.uint8]
    """Straight, then premultiplied again."""
