"""Rotation of a glyph: Pillow's ``Image.rotate(angle, BILINEAR, expand=True)`` on RGBA.

Source: ``Image.rotate`` in Pillow's Image.py, ``affine_transform`` and
``bilinear_filter32RGB`` in Geometry.c, ``rgba2rgbA`` and ``rgbA2rgba`` in Convert.c.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .compiled import compiled
from .records import Lookups
from .vectors import bilinear

_SCALE = 1e15
_SPLITTER = 134217729.0  # 2**27 + 1
_SCALE_HIGH = _SPLITTER * _SCALE - (_SPLITTER * _SCALE - _SCALE)
_SCALE_LOW = _SCALE - _SCALE_HIGH
_TO_RADIANS = math.pi / 180.0


class RotationMap(NamedTuple):
    """The affine map from a rotated glyph back to the glyph, and the sizes of both in pixels."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float
    """x = a x' + b y' + c, y = d x' + e y' + f."""
    width: int
    height: int
    """Of the rotated glyph."""
    columns: int
    rows: int
    """Of the glyph."""


@compiled
def round_15(x: float) -> float:
    """Return Python's ``round(x, 15)`` for abs(x) <= 1: correctly rounded, ties to even.

    x * 1e15 is taken as an exact sum of two doubles (Dekker's product), so the nearest
    integer is known for certain; dividing it by 1e15, which is exact, rounds correctly.
    """
    magnitude = abs(x)
    product = magnitude * _SCALE
    spread = _SPLITTER * magnitude
    high = spread - (spread - magnitude)
    low = magnitude - high
    error = ((high * _SCALE_HIGH - product) + high * _SCALE_LOW + low * _SCALE_HIGH) + low * _SCALE_LOW
    integer = np.floor(product)
    past_half = (product - integer) - 0.5
    tie = past_half == 0.0 and error == 0.0
    if past_half > 0.0 or (past_half == 0.0 and error > 0.0) or (tie and integer % 2.0 == 1.0):
        integer += 1.0
    rounded: float = integer / _SCALE
    return -rounded if x < 0.0 else rounded


@compiled
def rotation_map(angle: float, columns: int, rows: int) -> RotationMap:
    """Return the map for a rotation of a glyph of `columns` × `rows` pixels.

    Parameters
    ----------
    angle
        Degrees, within 0 … 360.
    """
    radians = -(angle * _TO_RADIANS)
    cosine, sine = math.cos(radians), math.sin(radians)
    a, b = round_15(cosine), round_15(sine)
    d, e = round_15(-sine), round_15(cosine)
    middle_x, middle_y = columns / 2.0, rows / 2.0
    c = a * -middle_x + b * -middle_y + 0.0 + middle_x
    f = d * -middle_x + e * -middle_y + 0.0 + middle_y
    right_x, right_y = a * columns + b * 0.0 + c, d * columns + e * 0.0 + f
    far_x, far_y = a * columns + b * rows + c, d * columns + e * rows + f
    below_x, below_y = a * 0.0 + b * rows + c, d * 0.0 + e * rows + f
    first_x, first_y = a * 0.0 + b * 0.0 + c, d * 0.0 + e * 0.0 + f
    width = math.ceil(max(first_x, right_x, far_x, below_x)) - math.floor(
        min(first_x, right_x, far_x, below_x)
    )
    height = math.ceil(max(first_y, right_y, far_y, below_y)) - math.floor(
        min(first_y, right_y, far_y, below_y)
    )
    shift_x, shift_y = -(width - columns) / 2.0, -(height - rows) / 2.0
    c, f = a * shift_x + b * shift_y + c, d * shift_x + e * shift_y + f
    return RotationMap(a, b, c, d, e, f, width, height, columns, rows)


@compiled
def rotate(
    mask: npt.NDArray[np.uint8],
    start: int,
    rotation: RotationMap,
    premultiplied: npt.NDArray[np.float64],
    pixels: npt.NDArray[np.uint8],
    out: npt.NDArray[np.uint32],
    lookups: Lookups,
) -> None:
    """Rotate a glyph of one colour into `out`, which is column-major.

    Parameters
    ----------
    mask, start
        Coverage at mask[start:], row by row, with a border of one pixel that repeats
        the edge: (rows + 2) × (columns + 2) values. The border is Pillow's clamping.
    premultiplied
        float64 of shape (256, 4): the premultiplied R, G, B, A of each coverage.
    pixels
        uint8 of shape (65536,): the result of the conversions that follow for a premultiplied
        value v under alpha a, at 256 a + v (see `records.Tables`).
    out
        uint32 (R in the lowest byte) of shape (at least width, at least height).
    lookups
        At least as long as `rotation.height`.
    """
    one, stride = np.uint64(1), np.uint64(rotation.columns + 2)
    sources, right, down = lookups.sources, lookups.right, lookups.down
    for x in range(np.uint64(rotation.width)):
        _find_sources(rotation, lookups.middles[x], start, lookups)
        for y in range(np.uint64(rotation.height)):
            if sources[y] < 0:
                out[x, y] = 0
                continue
            source = np.uint64(sources[y])
            m00 = np.uint64(mask[source])
            m01 = np.uint64(mask[source + one])
            m10 = np.uint64(mask[source + stride])
            m11 = np.uint64(mask[source + stride + one])
            if m00 | m01 | m10 | m11 == np.uint64(0):
                out[x, y] = 0
                continue
            pixel = bilinear(premultiplied, m00, m01, m10, m11, right[y], down[y])
            out[x, y] = _converted(pixel, pixels)


@compiled
def _find_sources(rotation: RotationMap, x: float, start: int, lookups: Lookups) -> None:
    """Compute the source of each pixel of a column.

    `sources` gets the upper left of four neighbours, -1 outside the glyph; `right` and `down`
    get the distances from it. A separate loop without branches, so that LLVM vectorises it.
    """
    a, b, c, d, e, f, _, height, columns, rows = rotation
    middles, sources = lookups.middles, lookups.sources
    across_x, across_y = a * x, d * x
    limit_x, limit_y = float(columns), float(rows)
    stride, origin = np.int32(columns + 2), np.int32(start + columns + 3)
    for y in range(np.uint64(height)):
        from_x = across_x + b * middles[y] + c
        from_y = across_y + e * middles[y] + f
        inside = (from_x >= 0.0) & (from_x < limit_x) & (from_y >= 0.0) & (from_y < limit_y)
        from_x -= 0.5
        from_y -= 0.5
        left, top = np.floor(from_x), np.floor(from_y)
        lookups.right[y], lookups.down[y] = from_x - left, from_y - top
        source = np.int32(np.int32(np.int32(np.int32(top) * stride) + np.int32(left)) + origin)
        sources[y] = source if inside else np.int32(-1)


@compiled
def _converted(pixel: np.uint32, pixels: npt.NDArray[np.uint8]) -> np.uint32:
    """Look a premultiplied pixel's colours up in the table `pixels` of `rotate`."""
    p = np.uint64(pixel)
    byte = np.uint64(255)
    alpha = p >> np.uint64(24) << np.uint64(8)
    red = np.uint64(pixels[alpha + (p & byte)])
    green = np.uint64(pixels[alpha + (p >> np.uint64(8) & byte)])
    blue = np.uint64(pixels[alpha + (p >> np.uint64(16) & byte)])
    return np.uint32(red | green << np.uint64(8) | blue << np.uint64(16) | alpha << np.uint64(16))


@compiled
def copy_unrotated(
    mask: npt.NDArray[np.uint8],
    start: int,
    columns: int,
    rows: int,
    values: npt.NDArray[np.uint32],
    out: npt.NDArray[np.uint32],
) -> None:
    """Write a glyph in the layout of `rotate` if the angle is exactly 0, where Pillow only copies.

    Parameters
    ----------
    values
        uint32 of shape (256,): the pixel of each coverage.
    """
    stride = columns + 2
    for x in range(columns):
        for y in range(rows):
            out[x, y] = values[mask[start + (y + 1) * stride + x + 1]]
