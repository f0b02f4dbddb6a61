"""CTC alignments of whole batches: collapsing paths, scoring texts, and best paths (Viterbi).

A path is one class a column, class 0 the blank; it collapses to a text by merging runs of
equal classes and dropping blanks (Graves et al., 2006). Every function works on all rows of a
batch at once and loops in Python over columns only.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

BLANK = 0
CELLS = 1 << 24  # back pointers held at once, about 32 MB

Paths = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]


def character_starts(path: Paths) -> npt.NDArray[np.bool_]:
    """Return bool (N, T): whether a new character starts in this column of the path (N, T)."""
    previous = np.zeros_like(path)
    previous[:, 1:] = path[:, :-1]
    is_start: npt.NDArray[np.bool_] = (path != BLANK) & (path != previous)
    return is_start


def collapse(
    path: Paths, starts: npt.NDArray[np.bool_], probabilities: Floats, max_length: int
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Collapse paths to codes; a character's confidence is the greatest probability of its columns.

    Parameters
    ----------
    path
        int64 (N, T).
    starts
        bool (N, T), from `character_starts`.
    probabilities
        float (N, T, C).
    max_length
        The greatest number of characters in any row.

    Returns
    -------
    codes
        int64 (N, max_length): indices into the charset (class - 1), -1 past a text's end.
    confidences
        float (N, max_length), 0 past a text's end.
    """
    codes = np.full((len(path), max_length), -1, np.int64)
    confidences = np.zeros((len(path), max_length), probabilities.dtype)
    position = starts.cumsum(1) - 1
    rows, columns = np.nonzero(path != BLANK)
    codes[rows, position[rows, columns]] = path[rows, columns] - 1
    np.maximum.at(
        confidences, (rows, position[rows, columns]), probabilities[rows, columns, path[rows, columns]]
    )
    return codes, confidences


def character_probabilities(
    probabilities: Floats, path: Paths, starts: npt.NDArray[np.bool_]
) -> npt.NDArray[np.floating[Any]]:
    """Return how probable each class is as each character of the paths, in the column where it is surest.

    Parameters
    ----------
    probabilities
        float (N, T, C).
    path, starts
        (N, T), from `character_starts`.

    Returns
    -------
    float (M, C - 1): a row for each of the M characters in all paths, the classes but the blank. A
    row adds up to 1.
    """
    rows, columns = np.nonzero(path != BLANK)
    character = starts.cumsum().reshape(path.shape)[rows, columns] - 1
    # Written in rising order, the surest column of each character is the one that stays.
    rising = probabilities[rows, columns, path[rows, columns]].argsort(kind="stable")
    surest = np.zeros(starts.sum(), np.int64)
    surest[character[rising]] = rising
    found = probabilities[rows[surest], columns[surest], BLANK + 1 :]
    return np.asarray(found / found.sum(1, keepdims=True))


def length_probability(probabilities: Floats, max_length: int) -> npt.NDArray[np.float64]:
    """Return how probable texts of each length are, summed over all paths (the forward algorithm).

    Parameters
    ----------
    probabilities
        float (N, T, C).

    Returns
    -------
    float64 (N, max_length + 1), from length 0; a row adds up to 1 less what is longer.
    """
    count, columns, classes = probabilities.shape
    alpha = np.zeros((count, max_length + 1, classes))
    alpha[:, 0, BLANK] = probabilities[:, 0, BLANK]
    alpha[:, 1, BLANK + 1 :] = probabilities[:, 0, BLANK + 1 :]
    for column in range(1, columns):
        total = alpha.sum(2)
        reaching = alpha.copy()
        reaching[:, :, BLANK] = total
        reaching[:, 1:, BLANK + 1 :] += total[:, :-1, None] - alpha[:, :-1, BLANK + 1 :]
        alpha = reaching * probabilities[:, None, column]
    return np.asarray(alpha.sum(2))


def text_probability(probabilities: Floats, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the probability of each text, summed over its alignments (the forward algorithm).

    Computed in linear float64, not in logarithms: what underflows is a confidence of zero anyway.

    Parameters
    ----------
    probabilities
        float (N, T, C).
    codes
        int64 (N, L), -1 past a text's end.

    Returns
    -------
    float64 (N,)
    """
    labels = _interleave_blanks(codes)
    # The axis of labels comes before that of the batch, so that each step reads contiguous memory.
    # Two states of probability 0 precede the first label, so that it needs no special case.
    may_skip = _may_skip(labels).T.astype(np.float64)
    emissions = _emissions(probabilities, labels)
    alpha = np.zeros((len(may_skip) + 2, len(codes)))
    alpha[2:4] = emissions[0, :2]
    for column in emissions[1:]:
        reaching = alpha[2:] + alpha[1:-1]
        reaching += alpha[:-2] * may_skip
        np.multiply(reaching, column, out=alpha[2:])
    final_blank = 2 * (codes >= 0).sum(1) + 2
    rows = np.arange(len(codes))
    ending_in_character = np.where(final_blank > 2, alpha[final_blank - 1, rows], 0.0)
    total_probability: npt.NDArray[np.float64] = np.minimum(
        alpha[final_blank, rows] + ending_in_character, 1.0
    )
    return total_probability


def align(log_probs: Floats, codes: npt.NDArray[np.int64]) -> Paths:
    """Return the likeliest alignment of each row with its text (Viterbi).

    Parameters
    ----------
    log_probs
        float (N, T, C), with columns enough for each text.
    codes
        int64 (N, L), -1 past a text's end; no text is empty.

    Returns
    -------
    int64 (N, T)
    """
    rows, labels = np.arange(len(codes)), _interleave_blanks(codes)
    skip_penalty = np.where(_may_skip(labels), 0, -np.inf)
    emissions = np.take_along_axis(log_probs, labels[:, None, :], 2).astype(np.float64)
    score = np.full(labels.shape, -np.inf)
    score[:, :2] = emissions[:, 0, :2]
    back_pointers = np.zeros(emissions.shape, np.int8)
    for column in range(1, emissions.shape[1]):
        moves = np.full((3, *labels.shape), -np.inf)  # from this label, the previous one, the one before that
        moves[0] = score
        moves[1, :, 1:] = score[:, :-1]
        moves[2, :, 2:] = score[:, :-2] + skip_penalty[:, 2:]
        back_pointers[:, column] = moves.argmax(0)
        score = moves.max(0) + emissions[:, column]
    final_blank = 2 * (codes >= 0).sum(1)
    state = np.where(score[rows, final_blank] > score[rows, final_blank - 1], final_blank, final_blank - 1)
    path = np.empty(emissions.shape[:2], np.int64)
    for column in range(emissions.shape[1] - 1, -1, -1):
        path[:, column] = labels[rows, state]
        state = state - back_pointers[rows, column, state]
    return path


def best_path_of_length(log_probs: Floats, min_length: int, max_length: int, *, cells: int = CELLS) -> Paths:
    """Return the likeliest path of each row whose text has `min_length` to `max_length` characters.

    Parameters
    ----------
    log_probs
        float (N, T, C); T is at least `min_length`, and twice that for a charset of one character,
        where a blank must separate neighbours.
    cells
        Back pointers held at once, of two bytes each; the rows are taken in chunks to keep to it.

    Returns
    -------
    int64 (N, T)
    """
    count, columns, classes = log_probs.shape
    chunk = max(1, cells // (columns * (max_length + 1) * classes))
    paths = [_viterbi(log_probs[row : row + chunk], min_length, max_length) for row in range(0, count, chunk)]
    return np.concatenate(paths) if paths else np.zeros((0, columns), np.int64)


def _interleave_blanks(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the labels of texts with blanks between and around them: int64 (N, 2 L + 1)."""
    labels = np.zeros((len(codes), 2 * codes.shape[1] + 1), np.int64)
    labels[:, 1::2] = codes + 1
    return labels


def _emissions(probabilities: Floats, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the probability of each label (N, S) in each column, float64 (T, S, N)."""
    count, columns, classes = probabilities.shape
    indices = np.arange(0, count * columns * classes, columns * classes) + labels.T
    indices = np.arange(0, columns * classes, classes)[:, None, None] + indices
    return np.take(probabilities, indices).astype(np.float64)


def _may_skip(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return bool (N, S): whether a path may reach this label from two labels back, without a blank."""
    may_skip = np.zeros(labels.shape, np.bool_)
    may_skip[:, 2:] = (labels[:, 2:] != BLANK) & (labels[:, 2:] != labels[:, :-2])
    return may_skip


def _viterbi(log_probs: Floats, min_length: int, max_length: int) -> Paths:
    """Run Viterbi over the states (number of characters so far, class of this column).

    Back pointers hold the class of the previous column. The previous number of characters follows
    from both classes: it is one less exactly where the class is no blank and not the previous one.
    """
    count, columns, classes = log_probs.shape
    score = np.full((count, max_length + 1, classes), -np.inf, np.float32)
    score[:, 0, BLANK] = log_probs[:, 0, BLANK]
    score[:, 1, 1:] = log_probs[:, 0, 1:]
    back_pointers = np.zeros((columns, count, max_length + 1, classes), np.int16)
    same_class = np.arange(classes, dtype=np.int16)
    rows = np.arange(count * (max_length + 1))
    for column in range(1, columns):
        flat = score.reshape(-1, classes)
        best_class = flat.argmax(1)
        best = flat[rows, best_class]
        flat[rows, best_class] = -np.inf
        second_class = flat.argmax(1)
        # The best state of any other class: the best one overall, and for its own class the second.
        entering = np.repeat(best, classes).reshape(flat.shape)
        entering[rows, best_class] = flat[rows, second_class]
        entering_from = np.repeat(best_class.astype(np.int16), classes).reshape(flat.shape)
        entering_from[rows, best_class] = second_class
        flat[rows, best_class] = best
        entering = entering.reshape(score.shape)[:, :-1, 1:]
        better = entering > score[:, 1:, 1:]
        source = back_pointers[column]
        source[:] = same_class
        np.copyto(source[:, 1:, 1:], entering_from.reshape(score.shape)[:, :-1, 1:], where=better)
        source[:, :, BLANK] = best_class.reshape(count, -1)
        np.maximum(score[:, 1:, 1:], entering, out=score[:, 1:, 1:])
        score[:, :, BLANK] = best.reshape(count, -1)
        score += log_probs[:, None, column]
    return _backtrace(score, back_pointers, min_length)


def _backtrace(score: Floats, back_pointers: npt.NDArray[np.int16], min_length: int) -> Paths:
    columns, count, _, classes = back_pointers.shape
    final = score[:, min_length:].reshape(count, -1).argmax(1)
    length, state = min_length + final // classes, final % classes
    rows = np.arange(count)
    path = np.empty((count, columns), np.int64)
    for column in range(columns - 1, -1, -1):
        path[:, column] = state
        if column:
            previous = back_pointers[column, rows, length, state].astype(np.int64)
            length = length - ((state != BLANK) & (previous != state))
            state = previous
    return path
