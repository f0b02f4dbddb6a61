"""The noise dots and the arc, drawn on a column-major canvas.

Source: ``ImagingDrawArc`` and what it calls in Draw.c (the quarter ellipse, and the tree
of half-planes that clips its horizontal segments to the arc's two angles).
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .compiled import compiled

_EPSILON = 1e-9

Colour = tuple[int, int, int]
Canvas = npt.NDArray[np.uint8]
Events = npt.NDArray[np.int64]
Planes = npt.NDArray[np.float64]

# Rows of an `Events` scratch: lists of segment ends, as count, x, ±1, x, ±1, …
_EVENT_ROWS = 5
_EVENT_LENGTH = 40

# How the half-planes of the arc's two ends, and those beside them, are combined.
_BOTH, _EITHER, _PIECEWISE, _BOTH_AND_SIDE, _EITHER_OR_SIDE = range(5)


def event_scratch() -> Events:
    """Return the scratch that `arc` needs for its lists of segment ends."""
    return np.zeros((_EVENT_ROWS, _EVENT_LENGTH), np.int64)


@compiled
def dot(
    canvas: Canvas, limits: tuple[int, int], x: int, y: int, stamp: npt.NDArray[np.int64], colour: Colour
) -> None:
    """Stamp a dot; `stamp` is int64 of shape (pixels, 2): offsets in x and y."""
    for i in range(len(stamp)):
        column, row = x + stamp[i, 0], y + stamp[i, 1]
        if 0 <= column < limits[0] and 0 <= row < limits[1]:
            _set_pixel(canvas, column, row, colour)


@compiled
def _set_pixel(canvas: Canvas, column: int, row: int, colour: Colour) -> None:
    canvas[column, 3 * row] = colour[0]
    canvas[column, 3 * row + 1] = colour[1]
    canvas[column, 3 * row + 2] = colour[2]


class _Ellipse(NamedTuple):
    """The whole ellipse of an arc on its canvas, and the half-planes that clip it to the arc."""

    canvas: Canvas
    columns: int
    rows: int
    left: int
    top: int
    a: int
    """Width less one."""
    b: int
    """Height less one."""
    colour: Colour
    tree: int
    planes: Planes
    events: Events


@compiled
def arc(
    canvas: Canvas,
    limits: tuple[int, int],
    box: tuple[int, int, int, int],
    angles: tuple[int, int],
    colour: Colour,
    planes: Planes,
    events: Events,
) -> None:
    """Draw an arc one pixel wide.

    Parameters
    ----------
    box
        Left, top, right and bottom of the whole ellipse, in ascending pairs.
    angles
        Start and end in whole degrees, less than 360 apart.
    planes
        float64 scratch of shape (4, 3).
    events
        Scratch of `event_scratch`.
    """
    left, top, right, bottom = box
    a, b = right - left, bottom - top
    start, end = angles
    if a < b:
        tree = _clip_tree(b, a, 90 - end, 90 - start, planes)
        for i in range(4):
            planes[i, 0], planes[i, 1] = planes[i, 1], planes[i, 0]
    else:
        tree = _clip_tree(a, b, start, end, planes)
    ellipse = _Ellipse(canvas, limits[0], limits[1], left, top, a, b, colour, tree, planes, events)
    inner = (a, b % 2, False)
    outer = _next_on_quarter(a, b, a, b % 2)
    edge = a % 2
    far, y = a, b % 2
    rows_left = True
    while rows_left:
        above_far, above_y, _, outer = _climb(a, b, outer, y, 0)
        above_edge, above, near, inner = _climb(a, b, inner, y, edge)
        edge = a % 2 if above < 0 else above_edge
        _row(ellipse, y, near, far)
        if y > 0:
            _row(ellipse, -y, near, far)
        far, y = above_far, above_y
        rows_left = y >= 0


@compiled
def _row(ellipse: _Ellipse, y: int, near: int, far: int) -> None:
    """Draw both segments of a row, which reach from `near` to `far` on either side."""
    _segment(ellipse, -far, y, -near)
    if near > 0 or near < far:
        _segment(ellipse, 2 if near == 0 else near, y, far)


@compiled
def _climb(
    a: int, b: int, point: tuple[int, int, bool], row: int, near: int
) -> tuple[int, int, int, tuple[int, int, bool]]:
    """Follow a quarter ellipse to its first point above `row`.

    Returns
    -------
    that point's x and y (y is -1 if there is none), the last x at or below the row (`near` if
    there is none), and the following point
    """
    x, y, done = point
    while not done:
        here_x, here_y = x, y
        x, y, done = _next_on_quarter(a, b, x, y)
        if here_y > row:
            return here_x, here_y, near, (x, y, done)
        near = here_x
    return 0, -1, near, (x, y, done)


@compiled
def _next_on_quarter(a: int, b: int, x: int, y: int) -> tuple[int, int, bool]:
    """Return the next point of a quarter ellipse on a grid of step 2; true if (x, y) was its last one."""
    if x == a % 2 and y == b:
        return x, y, True
    best_x, best_y = x, y + 2
    best = _deviation(a, b, x, y + 2)
    if x > 1:
        other = _deviation(a, b, x - 2, y + 2)
        if best > other:
            best_x, best_y, best = x - 2, y + 2, other
        if best > _deviation(a, b, x - 2, y):
            best_x, best_y = x - 2, y
    return best_x, best_y, False


@compiled
def _deviation(a: int, b: int, x: int, y: int) -> int:
    return abs(a * a * y * y + b * b * x * x - a * a * b * b)


@compiled
def _clip_tree(a: int, b: int, start: int, end: int, planes: Planes) -> int:
    """Fill in the half-planes of an ellipse with a >= b, and return how they are combined."""
    low = (360 - (-start) % 360 if start < 0 else start) % 360
    high = low + (end - start) % 360
    planes[0, 0] = -a * math.sin(low * math.pi / 180.0)
    planes[0, 1] = b * math.cos(low * math.pi / 180.0)
    planes[0, 2] = (a * a - b * b) * math.sin(low * math.pi / 90.0) / 2.0
    planes[1, 0] = a * math.sin(high * math.pi / 180.0)
    planes[1, 1] = -b * math.cos(high * math.pi / 180.0)
    planes[1, 2] = (b * b - a * a) * math.sin(high * math.pi / 90.0) / 2.0
    planes[2:, :] = 0.0
    if low % 180 == 0 or high % 180 == 0:
        return _BOTH if high - low < 180 else _EITHER
    if (low // 180 + high // 180) % 2 == 1:
        planes[2, 1] = 1.0 if low // 180 % 2 == 0 else -1.0
        planes[3, 1] = 1.0 if high // 180 % 2 == 0 else -1.0
        return _PIECEWISE
    planes[2, 1] = 1.0 if high < 180 or high > 540 else -1.0
    return _BOTH_AND_SIDE if high - low < 180 else _EITHER_OR_SIDE


@compiled
def _segment(ellipse: _Ellipse, x0: int, y: int, x1: int) -> None:
    """Draw the parts of a horizontal segment that lie on the arc."""
    row = ellipse.top + (y + ellipse.b) // 2
    if row < 0 or row >= ellipse.rows:
        return
    ends = _clipped(ellipse.tree, ellipse.planes, x0, y, x1, ellipse.events)
    for i in range(ends[0] // 2):
        from_x = ellipse.left + (ends[1 + 4 * i] + ellipse.a) // 2
        to_x = ellipse.left + (ends[3 + 4 * i] + ellipse.a) // 2
        for column in range(max(from_x, 0), min(to_x, ellipse.columns - 1) + 1):
            _set_pixel(ellipse.canvas, column, row, ellipse.colour)


@compiled
def _clipped(tree: int, planes: Planes, x0: int, y: int, x1: int, events: Events) -> npt.NDArray[np.int64]:
    """Clip a segment to the arc; return the ends of its parts as a row of `events`."""
    remaining: npt.NDArray[np.int64] = events[4]
    _clip_to_half_plane(planes[0], x0, y, x1, events[0])
    _clip_to_half_plane(planes[1], x0, y, x1, events[1])
    if tree <= _EITHER:
        _combine(events[0], events[1], tree == _BOTH, remaining)
        return remaining
    _clip_to_half_plane(planes[2], x0, y, x1, events[2])
    if tree == _PIECEWISE:
        _combine(events[2], events[0], True, events[3])
        _clip_to_half_plane(planes[3], x0, y, x1, events[2])
        _combine(events[2], events[1], True, events[0])
        _combine(events[3], events[0], False, remaining)
        return remaining
    _combine(events[0], events[1], tree == _BOTH_AND_SIDE, events[3])
    _combine(events[3], events[2], tree == _BOTH_AND_SIDE, remaining)
    return remaining


@compiled
def _clip_to_half_plane(
    plane: npt.NDArray[np.float64], x0: int, y: int, x1: int, out: npt.NDArray[np.int64]
) -> None:
    """Clip a segment to a half-plane."""
    a, b, c = plane[0], plane[1], plane[2]
    if abs(a) < _EPSILON:
        if b * y + c < -_EPSILON:
            x0, x1 = 1, 0
    else:
        crossing = -(b * y + c) / a
        if a * x0 + b * y + c < _EPSILON:
            x0 = _round_half_away(max(float(x0), crossing))
        if a * x1 + b * y + c < _EPSILON:
            x1 = _round_half_away(min(float(x1), crossing))
    if x0 > x1:
        out[0] = 0
        return
    out[0], out[1], out[2], out[3], out[4] = 2, x0, 1, x1, -1


@compiled
def _round_half_away(x: float) -> int:
    """Round halves away from zero, as C's lround does."""
    return math.floor(x + 0.5) if x >= 0.0 else -math.floor(-x + 0.5)


@compiled
def _combine(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], both: bool, out: npt.NDArray[np.int64]
) -> None:
    """Intersect or unite two sorted lists of segment ends."""
    i = j = count = 0
    inside_first = inside_second = 0
    last = -1
    while i < first[0] or j < second[0]:
        take_first = i < first[0]
        if take_first and j < second[0]:
            x, kind, other_x, other_kind = (
                first[1 + 2 * i],
                first[2 + 2 * i],
                second[1 + 2 * j],
                second[2 + 2 * j],
            )
            take_first = x < other_x or (x == other_x and kind > other_kind)
        if take_first:
            x, kind = first[1 + 2 * i], first[2 + 2 * i]
            inside_first += kind
            i += 1
        else:
            x, kind = second[1 + 2 * j], second[2 + 2 * j]
            inside_second += kind
            j += 1
        if both:
            opens = inside_first > 0 and inside_second > 0
            closes = last == 1 and (inside_first == 0 or inside_second == 0)
        else:
            opens = True
            closes = inside_first == 0 and inside_second == 0
        if (kind == 1 and last == -1 and opens) or (kind == -1 and closes):
            out[1 + 2 * count], out[2 + 2 * count] = x, kind
            last = kind
            count += 1
    out[0] = count
