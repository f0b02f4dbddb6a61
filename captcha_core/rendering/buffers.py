"""The kernels' scratch buffers, sized so that no image of a spec can exceed them."""

import math

import numpy as np

from ..spec import Spec
from .atlas import Bounds
from .kernels import noise, resampling, smoothing
from .kernels.records import Lookups, Scratch


def allocate_scratch(spec: Spec, bounds: Bounds, canvas_width: int, max_length: int) -> Scratch:
    """Allocate buffers large enough for any draw of glyphs within `bounds`.

    Parameters
    ----------
    canvas_width
        Width of the widest canvas, in pixels.
    max_length
        The greatest number of characters in a text.
    """
    look = spec.look
    columns, rows, max_width, max_height, min_side = bounds
    rotated_side = math.ceil(math.hypot(columns, rows)) + 4
    widened_width = max_width + 2 * _max_shift(max_width, *look.character_warp_dx)
    stretched_height = max_height + 2 * _max_shift(max_height, *look.character_warp_dy)
    rotated_bytes, widened_bytes = _padded(4 * rotated_side), _padded(4 * widened_width)
    column_sums, column_bytes = smoothing.scratch_sizes(spec.height)
    canvas_bytes = column_sums
    spare = resampling.SPARE_LINES
    rotated_buffer = np.zeros((rotated_side + spare, rotated_bytes), np.uint8)
    widened = np.zeros((widened_width, rotated_bytes), np.uint8)
    transposed = np.zeros((rotated_side + spare, max(widened_bytes, rotated_bytes)), np.uint8)
    stretched = np.zeros(
        (max(stretched_height, rotated_side) + 1, max(widened_bytes, rotated_bytes)), np.uint8
    )
    taps = resampling.max_taps(rotated_side, min_side)
    canvas_taps = resampling.max_taps(canvas_width, spec.width)
    return Scratch(
        rotated=rotated_buffer,
        rotated_pixels=rotated_buffer.view(np.uint32),
        widened=widened,
        widened_pixels=widened.view(np.uint32),
        transposed=transposed,
        transposed_pixels=transposed.view(np.uint32),
        stretched=stretched,
        stretched_pixels=stretched.view(np.uint32),
        lookups=_lookups(max(max_width, max_height, rotated_side)),
        first=np.zeros(max(widened_width, stretched_height), np.int64),
        weight=np.zeros((taps, max(widened_width, stretched_height)), np.int32),
        exact=np.zeros((max(taps, canvas_taps) + 3, max(widened_width, stretched_height, spec.width))),
        sums=np.zeros(max(rotated_bytes, widened_bytes, canvas_bytes), np.int32),
        clipped=np.zeros((rows + 2) * (columns + 2), np.uint8),
        premultiplied=np.zeros((256, 4)),
        pixels_by_coverage=np.zeros(256, np.uint32),
        pieces=np.zeros((2 * max_length, 7), np.int64),
        angles=np.zeros(2 * max_length),
        planes=np.zeros((4, 3)),
        events=noise.event_scratch(),
        canvas=np.zeros((canvas_width + spare, canvas_bytes), np.uint8),
        narrowed=np.zeros((spec.width, canvas_bytes), np.uint8),
        narrowing_first=np.zeros(spec.width, np.int64),
        narrowing_weight=np.zeros((canvas_taps, spec.width), np.int32),
        columns=np.zeros(column_bytes, np.uint8),
        column_sums=np.zeros(column_sums, np.uint16),
    )


def _lookups(length: int) -> Lookups:
    return Lookups(
        np.arange(length, dtype=np.float64) + 0.5,
        np.zeros(length, np.int32),
        np.zeros(length),
        np.zeros(length),
    )


def _max_shift(size: int, low: float, high: float) -> int:
    """Return the most pixels that a corner of a glyph can move by its warp."""
    return math.ceil(size * abs(high - low) + abs(low)) + 1


def _padded(size: int) -> int:
    """Return a number of bytes rounded up to whole vectors of the resampling kernel."""
    return -(-size // resampling.LANES) * resampling.LANES
