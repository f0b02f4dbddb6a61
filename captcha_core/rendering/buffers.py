"""The kernels' working memory, sized so that no draw of a spec can exceed it."""

import math

import numpy as np

from ..spec import Spec
from .atlas import Bounds
from .kernels import noise, resampling, smoothing
from .kernels.records import Lookups, Scratch


def scratch(spec: Spec, bounds: Bounds, page: int, longest: int) -> Scratch:
    """Make buffers large enough for any draw of glyphs within `bounds`.

    Parameters
    ----------
    page
        Width of the widest canvas.
    longest
        Most characters in a text.
    """
    look = spec.look
    columns, rows, most_w, most_h, least = bounds
    turned = math.ceil(math.hypot(columns, rows)) + 4
    wide = most_w + 2 * _reach(most_w, *look.character_warp_dx)
    high = most_h + 2 * _reach(most_h, *look.character_warp_dy)
    turned_bytes, wide_bytes = _bytes(4 * turned), _bytes(4 * wide)
    column_sums, column_bytes = smoothing.scratch_sizes(spec.height)
    page_bytes = column_sums
    spare = resampling.SPARE_LINES
    turned_buffer = np.zeros((turned + spare, turned_bytes), np.uint8)
    widened = np.zeros((wide, turned_bytes), np.uint8)
    flipped = np.zeros((turned + spare, max(wide_bytes, turned_bytes)), np.uint8)
    stretched = np.zeros((max(high, turned) + 1, max(wide_bytes, turned_bytes)), np.uint8)
    taps = resampling.most_taps(turned, least)
    page_taps = resampling.most_taps(page, spec.width)
    return Scratch(
        turned=turned_buffer,
        turned_pixels=turned_buffer.view(np.uint32),
        widened=widened,
        widened_pixels=widened.view(np.uint32),
        flipped=flipped,
        flipped_pixels=flipped.view(np.uint32),
        stretched=stretched,
        stretched_pixels=stretched.view(np.uint32),
        lookups=_lookups(max(most_w, most_h, turned)),
        first=np.zeros(max(wide, high), np.int64),
        weight=np.zeros((taps, max(wide, high)), np.int32),
        exact=np.zeros((max(taps, page_taps) + 3, max(wide, high, spec.width))),
        sums=np.zeros(max(turned_bytes, wide_bytes, page_bytes), np.int32),
        cut=np.zeros((rows + 2) * (columns + 2), np.uint8),
        premultiplied=np.zeros((256, 4)),
        solid=np.zeros(256, np.uint32),
        pieces=np.zeros((2 * longest, 7), np.int64),
        angles=np.zeros(2 * longest),
        planes=np.zeros((4, 3)),
        events=noise.event_scratch(),
        canvas=np.zeros((page + spare, page_bytes), np.uint8),
        sheet=np.zeros((spec.width, page_bytes), np.uint8),
        page_first=np.zeros(spec.width, np.int64),
        page_weight=np.zeros((page_taps, spec.width), np.int32),
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


def _reach(size: int, low: float, high: float) -> int:
    """Return the most that a corner can move."""
    return math.ceil(size * abs(high - low) + abs(low)) + 1


def _bytes(size: int) -> int:
    return -(-size // resampling.LANES) * resampling.LANES
