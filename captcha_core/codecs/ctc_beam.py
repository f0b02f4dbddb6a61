"""The most probable text under CTC: prefix beam search in bulk.

A text's probability is the sum over all its alignments, so the likeliest path need not spell
the likeliest text. Prefix beam search (Graves, 2008, 7.5.1; Hannun et al., 2014) grows texts
column by column and keeps the best few; it steps in Python over columns only, and works on all
rows and beams at once.

Beams are kept apart by length: as many for each number of characters. So texts of an allowed
length stay in the search even where the network is sure of another length.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .ctc_paths import BLANK

CELLS = 1 << 22
_NONE = -1

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class _Beams:
    """The texts so far of some rows, `high` + 1 lengths and `width` beams each.

    Attributes
    ----------
    texts
        int16 (N, high + 1, width, high): classes, -1 past the end. The beams of one length
        differ; where there is none yet, all is -1.
    blank, character
        float64 (N, high + 1, width): log probability of all alignments so far that end in a
        blank, and of those that end in the text's last character.
    """

    texts: npt.NDArray[np.int16]
    blank: npt.NDArray[np.float64]
    character: npt.NDArray[np.float64]

    @property
    def whole(self) -> npt.NDArray[np.float64]:
        """Log probability of each text so far; -inf where there is no beam yet."""
        return np.logaddexp(self.blank, self.character)


def search(logs: Floats, low: int, high: int, width: int, *, cells: int = CELLS) -> Codes:
    """Return the most probable text of each row, as far as `width` beams a length find it.

    Parameters
    ----------
    logs
        Log probabilities (N, T, C), finite; T is at least `low`, twice that less one where
        only one character exists.
    low, high
        Least and greatest length of a text.
    width
        Beams kept for each length.
    cells
        Candidates weighed at once, of some 25 bytes each; rows are taken in chunks to keep to it.

    Returns
    -------
    int64 (N, high): class less one, -1 past the end.

    Raises
    ------
    ValueError
        When `width` is less than 1.
    """
    if width < 1:
        raise ValueError(f"a beam is 1 or more texts wide, not {width}")
    count, _, classes = logs.shape
    chunk = max(1, cells // ((high + 1) * width * max(classes, width * high)))
    parts = [_search(logs[row : row + chunk], low, high, width) for row in range(0, count, chunk)]
    return np.concatenate(parts) if parts else np.zeros((0, high), np.int64)


def _search(logs: Floats, low: int, high: int, width: int) -> Codes:
    beams = _nothing(len(logs), high, width)
    for column in range(logs.shape[1]):
        beams = _step(beams, logs[:, column].astype(np.float64))
    scores = beams.whole[:, low:].reshape(len(logs), -1)
    best = scores.argmax(1)
    texts = beams.texts[np.arange(len(logs)), low + best // width, best % width].astype(np.int64)
    return np.where(texts == _NONE, -1, texts - 1)


def _nothing(count: int, high: int, width: int) -> _Beams:
    """Return the beams before the first column: the empty text, for certain."""
    shape = (count, high + 1, width)
    blank = np.full(shape, -np.inf)
    blank[:, 0, 0] = 0
    return _Beams(np.full((*shape, high), _NONE, np.int16), blank, np.full(shape, -np.inf))


def _step(beams: _Beams, logs: npt.NDArray[np.float64]) -> _Beams:
    """Read one column, of log probabilities (N, C)."""
    count, lengths, width, _ = beams.texts.shape
    whole = beams.whole
    last = _last(beams.texts)
    rows = np.arange(count)[:, None, None]
    blank = whole + logs[:, BLANK, None, None]
    character = np.where(last == _NONE, -np.inf, beams.character + logs[rows, last])
    # A text grows by any character; by its last one only from alignments that end in a blank.
    grown = whole[:, :-1, :, None] + logs[:, None, None, :]
    grown[..., BLANK] = -np.inf
    repeated = np.where(last == _NONE, -np.inf, beams.blank + logs[rows, last])[:, :-1]
    np.put_along_axis(grown, np.maximum(last, 0)[:, :-1, :, None], repeated[..., None], 3)
    gained = _join(beams.texts, last, ~np.isneginf(whole), grown)
    character[:, 1:] = np.logaddexp(character[:, 1:], gained)
    return _best(beams, blank, character, grown.reshape(count, lengths - 1, -1), width)


def _join(
    texts: npt.NDArray[np.int16],
    last: npt.NDArray[np.int64],
    there: npt.NDArray[np.bool_],
    grown: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Move what grows into a text that is a beam already over to that beam.

    Takes it out of `grown` (N, lengths - 1, width, C), and returns it by beam of the greater
    length (N, lengths - 1, width).
    """
    before = texts[:, 1:].copy()  # each beam's text without its last character
    place = np.arange(1, texts.shape[1])[None, :, None, None] - 1
    np.put_along_axis(before, place, np.int16(_NONE), 3)
    same = (texts[:, :-1, :, None, :] == before[:, :, None, :, :]).all(4)
    same &= there[:, :-1, :, None] & there[:, 1:, None, :]
    row, length, parent, child = np.nonzero(same)
    which = (row, length, parent, last[row, length + 1, child])
    gained = np.full(before.shape[:3], -np.inf)
    gained[row, length, child] = grown[which]
    grown[which] = -np.inf
    return gained


def _best(
    beams: _Beams,
    blank: npt.NDArray[np.float64],
    character: npt.NDArray[np.float64],
    grown: npt.NDArray[np.float64],
    width: int,
) -> _Beams:
    """Keep the best beams of each length, from those that stayed and those that grew into it."""
    count, lengths = beams.texts.shape[:2]
    classes = grown.shape[2] // width
    stayed = np.logaddexp(blank, character)
    arrived = np.full((count, lengths, grown.shape[2]), -np.inf)
    arrived[:, 1:] = grown
    candidates = np.concatenate([stayed, arrived], 2)
    chosen = np.argpartition(-candidates, width - 1, axis=2)[:, :, :width]
    is_new = chosen >= width
    parent = np.where(is_new, (chosen - width) // classes, chosen)
    rows, length = np.arange(count)[:, None, None], np.arange(lengths)[None, :, None]
    texts = beams.texts[rows, length - is_new, parent]
    row, place, beam = np.nonzero(is_new)
    texts[row, place, beam, place - 1] = (chosen[row, place, beam] - width) % classes
    score = np.take_along_axis(candidates, chosen, 2)
    texts[np.isneginf(score)] = _NONE  # whatever was chosen for want of a beam
    kept = np.minimum(chosen, width - 1)
    return _Beams(
        texts,
        np.where(is_new, -np.inf, np.take_along_axis(blank, kept, 2)),
        np.where(is_new, score, np.take_along_axis(character, kept, 2)),
    )


def _last(texts: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """Return the last class of each text (N, lengths, width), -1 for the empty one."""
    place = np.maximum(np.arange(texts.shape[1]) - 1, 0)[None, :, None, None]
    return np.take_along_axis(texts, np.broadcast_to(place, (*texts.shape[:3], 1)), 3)[..., 0].astype(
        np.int64
    )
