"""CTC alignments in bulk: collapsing paths, scoring texts, and the best path of a given length.

A path is one class a column, class 0 the blank; it collapses to a text by merging runs of
equal classes and dropping blanks. Every function works on all rows at once and steps in
Python over columns only.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

BLANK = 0
CELLS = 1 << 24

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
    labels = _with_blanks(codes)
    # Labels before rows of the batch, so that each step runs along memory; two labels of no
    # probability stand before the first, so that none is a special case.
    skips = _skips(labels).T.astype(np.float64)
    emitted = _emitted(probabilities, labels)
    alpha = np.zeros((len(skips) + 2, len(codes)))
    alpha[2:4] = emitted[0, :2]
    for step in emitted[1:]:
        total = alpha[2:] + alpha[1:-1]
        total += alpha[:-2] * skips
        np.multiply(total, step, out=alpha[2:])
    ends = 2 * (codes >= 0).sum(1) + 2
    rows = np.arange(len(codes))
    last = np.where(ends > 2, alpha[ends - 1, rows], 0.0)
    total_probability: npt.NDArray[np.float64] = np.minimum(alpha[ends, rows] + last, 1.0)
    return total_probability


def align(logs: Floats, codes: npt.NDArray[np.int64]) -> Paths:
    """Return the likeliest path of each row among those that spell its text (Viterbi).

    Parameters
    ----------
    logs
        Log probabilities (N, T, C), with columns enough for the text.
    codes
        int64 (N, L), -1 past the end; no text is empty.

    Returns
    -------
    int64 (N, T)
    """
    rows, labels = np.arange(len(codes)), _with_blanks(codes)
    skips = np.where(_skips(labels), 0, -np.inf)
    emitted = np.take_along_axis(logs, labels[:, None, :], 2).astype(np.float64)
    score = np.full(labels.shape, -np.inf)
    score[:, :2] = emitted[:, 0, :2]
    back = np.zeros(emitted.shape, np.int8)
    for column in range(1, emitted.shape[1]):
        moves = np.full((3, *labels.shape), -np.inf)  # from this label, the one before, two before
        moves[0] = score
        moves[1, :, 1:] = score[:, :-1]
        moves[2, :, 2:] = score[:, :-2] + skips[:, 2:]
        back[:, column] = moves.argmax(0)
        score = moves.max(0) + emitted[:, column]
    ends = 2 * (codes >= 0).sum(1)
    place = np.where(score[rows, ends] > score[rows, ends - 1], ends, ends - 1)
    path = np.empty(emitted.shape[:2], np.int64)
    for column in range(emitted.shape[1] - 1, -1, -1):
        path[:, column] = labels[rows, place]
        place = place - back[rows, column, place]
    return path


def best_of_length(logs: Floats, low: int, high: int, *, cells: int = CELLS) -> Paths:
    """Return the likeliest path of each row among those of `low` to `high` characters.

    Parameters
    ----------
    logs
        Log probabilities (N, T, C); T is at least `low`, twice that where only one
        character exists.
    cells
        Back pointers held at once, of 2 bytes each; rows are taken in chunks to keep to it.

    Returns
    -------
    int64 (N, T)
    """
    count, columns, classes = logs.shape
    chunk = max(1, cells // (columns * (high + 1) * classes))
    parts = [_viterbi(logs[row : row + chunk], low, high) for row in range(0, count, chunk)]
    return np.concatenate(parts) if parts else np.zeros((0, columns), np.int64)


def _with_blanks(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the classes of texts (N, 2 L + 1), blanks between them, around them and past the end."""
    labels = np.zeros((len(codes), 2 * codes.shape[1] + 1), np.int64)
    labels[:, 1::2] = codes + 1
    return labels


def _emitted(probabilities: Floats, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the probability of each label (N, S) at each column, float64 (T, S, N)."""
    count, columns, classes = probabilities.shape
    places = np.arange(0, count * columns * classes, columns * classes) + labels.T
    places = np.arange(0, columns * classes, classes)[:, None, None] + places
    return np.take(probabilities, places).astype(np.float64)


def _skips(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Mark the labels that may follow the one two before: the blank between need not be."""
    skips = np.zeros(labels.shape, np.bool_)
    skips[:, 2:] = (labels[:, 2:] != BLANK) & (labels[:, 2:] != labels[:, :-2])
    return skips


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
    rows = np.arange(count * (high + 1))
    for column in range(1, columns):
        flat = score.reshape(-1, classes)
        first = flat.argmax(1)
        top = flat[rows, first]
        flat[rows, first] = -np.inf
        second = flat.argmax(1)
        # The best of another class, one character fewer: everywhere the top but at the top itself.
        begun = np.repeat(top, classes).reshape(flat.shape)
        begun[rows, first] = flat[rows, second]
        begun_from = np.repeat(first.astype(np.int16), classes).reshape(flat.shape)
        begun_from[rows, first] = second
        flat[rows, first] = top
        begun = begun.reshape(score.shape)[:, :-1, 1:]
        better = begun > score[:, 1:, 1:]
        source = back[column]
        source[:] = itself
        np.copyto(source[:, 1:, 1:], begun_from.reshape(score.shape)[:, :-1, 1:], where=better)
        source[:, :, BLANK] = first.reshape(count, -1)
        np.maximum(score[:, 1:, 1:], begun, out=score[:, 1:, 1:])
        score[:, :, BLANK] = top.reshape(count, -1)
        score += logs[:, None, column]
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
