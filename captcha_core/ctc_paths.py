"""CTC alignments in bulk: collapsing paths, scoring texts, and the best path of a given length.

A path is one class a column, class 0 the blank; it collapses to a text by merging runs of
equal classes and dropping blanks. Every function works on all rows at once and steps in
Python over columns only.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

BLANK = 0
_CELLS = 1 << 24  # back pointers held at once, about 32 MB

Paths = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]


def starts(path: Paths) -> npt.NDArray[np.bool_]:
    """Mark the columns of a path (N, T) where a new character begins."""
    before = np.zeros_like(path)
    before[:, 1:] = path[:, :-1]
    marks: npt.NDArray[np.bool_] = (path != BLANK) & (path != before)
    return marks


def collapse(
    path: Paths, begins: npt.NDArray[np.bool_], probabilities: Floats, longest: int
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Collapse paths to codes and give each character the greatest probability of its columns.

    Parameters
    ----------
    path, begins
        (N, T), the second from `starts`; no row has more than `longest` characters.
    probabilities
        (N, T, C).

    Returns
    -------
    codes
        int64 (N, longest): class less one, -1 past the end.
    confidences
        (N, longest), 0 past the end.
    """
    codes = np.full((len(path), longest), -1, np.int64)
    confidences = np.zeros((len(path), longest), probabilities.dtype)
    place = begins.cumsum(1) - 1
    rows, columns = np.nonzero(path != BLANK)
    codes[rows, place[rows, columns]] = path[rows, columns] - 1
    np.maximum.at(
        confidences, (rows, place[rows, columns]), probabilities[rows, columns, path[rows, columns]]
    )
    return codes, confidences


def probability(probabilities: Floats, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the probability of each text, summed over its alignments (the forward algorithm).

    In linear float64: what underflows is a confidence of zero anyway.

    Parameters
    ----------
    probabilities
        (N, T, C).
    codes
        int64 (N, L), -1 past the end.

    Returns
    -------
    float64 (N,)
    """
    count, longest = codes.shape
    labels = np.zeros((count, 2 * longest + 1), np.int64)
    labels[:, 1::2] = codes + 1  # blanks between, and past the end
    skips = np.zeros(labels.shape)
    skips[:, 2:] = (labels[:, 2:] != BLANK) & (labels[:, 2:] != labels[:, :-2])
    emitted = np.take_along_axis(probabilities, labels[:, None, :], 2).astype(np.float64)
    alpha = np.zeros(labels.shape)
    alpha[:, :2] = emitted[:, 0, :2]
    for column in range(1, emitted.shape[1]):
        total = alpha.copy()
        total[:, 1:] += alpha[:, :-1]
        total[:, 2:] += alpha[:, :-2] * skips[:, 2:]
        alpha = total * emitted[:, column]
    ends = 2 * (codes >= 0).sum(1)
    rows = np.arange(count)
    last = np.where(ends > 0, alpha[rows, ends - 1], 0.0)
    total_probability: npt.NDArray[np.float64] = np.minimum(alpha[rows, ends] + last, 1.0)
    return total_probability


def best_of_length(logs: Floats, low: int, high: int) -> Paths:
    """Return the likeliest path of each row among those of `low` to `high` characters.

    Parameters
    ----------
    logs
        Log probabilities (N, T, C); T is at least `low`, twice that where only one
        character exists.

    Returns
    -------
    int64 (N, T)
    """
    count, columns, classes = logs.shape
    chunk = max(1, _CELLS // (columns * (high + 1) * classes))
    parts = [_viterbi(logs[row : row + chunk], low, high) for row in range(0, count, chunk)]
    return np.concatenate(parts) if parts else np.zeros((0, columns), np.int64)


def _viterbi(logs: Floats, low: int, high: int) -> Paths:
    """States are (characters so far, class of this column); back pointers keep the class before.

    The character count before follows from the two classes: it is one less exactly where
    the class is no blank and differs from the one before.
    """
    count, columns, classes = logs.shape
    score = np.full((count, high + 1, classes), -np.inf, np.float32)
    score[:, 0, BLANK] = logs[:, 0, BLANK]
    score[:, 1, 1:] = logs[:, 0, 1:]
    back = np.zeros((columns, count, high + 1, classes), np.int16)
    itself = np.arange(classes, dtype=np.int16)
    for column in range(1, columns):
        first = score.argmax(2)[:, :, None]
        top = np.take_along_axis(score, first, 2)
        others = score.copy()
        np.put_along_axis(others, first, -np.inf, 2)
        second = others.argmax(2)[:, :, None]
        runner_up = np.take_along_axis(others, second, 2)
        begun = np.where(itself == first, runner_up, top)[
            :, :-1
        ]  # best of another class, one character fewer
        begun_from = np.where(itself == first, second, first)[:, :-1]
        best, source = score.copy(), np.broadcast_to(itself, score.shape).copy()
        best[:, :, BLANK], source[:, :, BLANK] = top[:, :, 0], first[:, :, 0]
        better = begun[:, :, 1:] > best[:, 1:, 1:]
        best[:, 1:, 1:] = np.where(better, begun[:, :, 1:], best[:, 1:, 1:])
        source[:, 1:, 1:] = np.where(better, begun_from[:, :, 1:], source[:, 1:, 1:])
        score = best + logs[:, None, column].astype(np.float32, copy=False)
        back[column] = source
    return _trace(score, back, low)


def _trace(score: Floats, back: npt.NDArray[np.int16], low: int) -> Paths:
    columns, count, _, classes = back.shape
    final = score[:, low:].reshape(count, -1).argmax(1)
    length, state = low + final // classes, final % classes
    rows = np.arange(count)
    path = np.empty((count, columns), np.int64)
    for column in range(columns - 1, -1, -1):
        path[:, column] = state
        if column:
            before = back[column, rows, length, state].astype(np.int64)
            length = length - ((state != BLANK) & (before != state))
            state = before
    return path
