"""The most probable text under CTC: prefix beam search over whole batches.

A text's probability is the sum over all its alignments, so the likeliest path need not spell
the likeliest text. Prefix beam search (Graves, 2008, 7.5.1; Hannun et al., 2014) extends texts
column by column and keeps the best few. It works on all rows and beams at once and loops in
Python over columns only.

Each length has beams of its own, as many as any other. So texts of an allowed length stay in the
search even where the network is sure of another length.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .ctc_paths import BLANK

CELLS = 1 << 22  # candidates compared at once, about 100 MB
_PAD = -1

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class _Beams:
    """The prefixes after some columns: N rows, L + 1 lengths (0 to L), W beams of each length.

    Attributes
    ----------
    texts
        int16 (N, L + 1, W, L): classes, -1 past a text's end. The beams of one length differ;
        beams that do not exist yet hold -1 only.
    blank, character
        float64 (N, L + 1, W): log probability of all alignments so far that end in a blank, and
        of those that end in the text's last character.
    """

    texts: npt.NDArray[np.int16]
    blank: npt.NDArray[np.float64]
    character: npt.NDArray[np.float64]

    @property
    def total(self) -> npt.NDArray[np.float64]:
        """Log probability of each prefix; -inf for beams that do not exist yet."""
        return np.logaddexp(self.blank, self.character)


def search(
    log_probs: Floats, min_length: int, max_length: int, beam_width: int, *, cells: int = CELLS
) -> Codes:
    """Return the most probable text of each row, as far as `beam_width` beams a length find it.

    Parameters
    ----------
    log_probs
        float (N, T, C), finite; T is at least `min_length`, and twice that less one for a charset
        of one character, where a blank must separate neighbours.
    min_length, max_length
        Least and greatest length of a text, both included.
    beam_width
        Number of beams kept for each length.
    cells
        Candidates compared at once, of some 25 bytes each; the rows are taken in chunks to keep to it.

    Returns
    -------
    int64 (N, max_length): indices into the charset (class - 1), -1 past a text's end.

    Raises
    ------
    ValueError
        When `beam_width` is less than 1.
    """
    if beam_width < 1:
        raise ValueError(f"a beam is 1 or more texts wide, not {beam_width}")
    count, _, classes = log_probs.shape
    chunk = max(1, cells // ((max_length + 1) * beam_width * max(classes, beam_width * max_length)))
    codes = [
        _search_rows(log_probs[row : row + chunk], min_length, max_length, beam_width)
        for row in range(0, count, chunk)
    ]
    return np.concatenate(codes) if codes else np.zeros((0, max_length), np.int64)


def _search_rows(log_probs: Floats, min_length: int, max_length: int, beam_width: int) -> Codes:
    beams = _initial_beams(len(log_probs), max_length, beam_width)
    for column in range(log_probs.shape[1]):
        beams = _step(beams, log_probs[:, column].astype(np.float64))
    scores = beams.total[:, min_length:].reshape(len(log_probs), -1)
    best = scores.argmax(1)
    texts = beams.texts[np.arange(len(log_probs)), min_length + best // beam_width, best % beam_width].astype(
        np.int64
    )
    return np.where(texts == _PAD, -1, texts - 1)


def _initial_beams(count: int, max_length: int, beam_width: int) -> _Beams:
    """Return the beams before the first column: only the empty text, with probability 1."""
    shape = (count, max_length + 1, beam_width)
    blank = np.full(shape, -np.inf)
    blank[:, 0, 0] = 0
    return _Beams(np.full((*shape, max_length), _PAD, np.int16), blank, np.full(shape, -np.inf))


def _step(beams: _Beams, log_probs: npt.NDArray[np.float64]) -> _Beams:
    """Extend the beams by one column of log probabilities (N, C), and prune them."""
    count, lengths, beam_width, _ = beams.texts.shape
    total = beams.total
    last_class = _last_classes(beams.texts)
    rows = np.arange(count)[:, None, None]
    blank = total + log_probs[:, BLANK, None, None]
    character = np.where(last_class == _PAD, -np.inf, beams.character + log_probs[rows, last_class])
    # Any character extends a text; its last one again only after alignments that end in a blank.
    extended = total[:, :-1, :, None] + log_probs[:, None, None, :]
    extended[..., BLANK] = -np.inf
    repeated = np.where(last_class == _PAD, -np.inf, beams.blank + log_probs[rows, last_class])[:, :-1]
    np.put_along_axis(extended, np.maximum(last_class, 0)[:, :-1, :, None], repeated[..., None], 3)
    merged = _merge_duplicates(beams.texts, last_class, ~np.isneginf(total), extended)
    character[:, 1:] = np.logaddexp(character[:, 1:], merged)
    return _prune(beams, blank, character, extended.reshape(count, lengths - 1, -1), beam_width)


def _merge_duplicates(
    texts: npt.NDArray[np.int16],
    last_class: npt.NDArray[np.int64],
    exists: npt.NDArray[np.bool_],
    extended: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Merge extensions that give a text which already is a beam into that beam.

    Their log probabilities are set to -inf in `extended` (N, lengths - 1, W, C) and returned by
    the beam of the greater length, float64 (N, lengths - 1, W).
    """
    prefixes = texts[:, 1:].copy()  # each beam's text without its last character
    position = np.arange(1, texts.shape[1])[None, :, None, None] - 1
    np.put_along_axis(prefixes, position, np.int16(_PAD), 3)
    is_same = (texts[:, :-1, :, None, :] == prefixes[:, :, None, :, :]).all(4)
    is_same &= exists[:, :-1, :, None] & exists[:, 1:, None, :]
    rows, lengths, parents, children = np.nonzero(is_same)
    duplicates = (rows, lengths, parents, last_class[rows, lengths + 1, children])
    merged = np.full(prefixes.shape[:3], -np.inf)
    merged[rows, lengths, children] = extended[duplicates]
    extended[duplicates] = -np.inf
    return merged


def _prune(
    beams: _Beams,
    blank: npt.NDArray[np.float64],
    character: npt.NDArray[np.float64],
    extended: npt.NDArray[np.float64],
    beam_width: int,
) -> _Beams:
    """Keep the best beams of each length: among its own and the extensions of the shorter ones."""
    count, lengths = beams.texts.shape[:2]
    classes = extended.shape[2] // beam_width
    kept = np.logaddexp(blank, character)
    from_shorter = np.full((count, lengths, extended.shape[2]), -np.inf)
    from_shorter[:, 1:] = extended
    candidates = np.concatenate([kept, from_shorter], 2)
    selected = np.argpartition(-candidates, beam_width - 1, axis=2)[:, :, :beam_width]
    is_new = selected >= beam_width
    parent = np.where(is_new, (selected - beam_width) // classes, selected)
    rows, length = np.arange(count)[:, None, None], np.arange(lengths)[None, :, None]
    texts = beams.texts[rows, length - is_new, parent]
    row, length_index, beam = np.nonzero(is_new)
    texts[row, length_index, beam, length_index - 1] = (
        selected[row, length_index, beam] - beam_width
    ) % classes
    scores = np.take_along_axis(candidates, selected, 2)
    texts[np.isneginf(scores)] = _PAD  # there were fewer candidates than beams
    source = np.minimum(selected, beam_width - 1)
    return _Beams(
        texts,
        np.where(is_new, -np.inf, np.take_along_axis(blank, source, 2)),
        np.where(is_new, scores, np.take_along_axis(character, source, 2)),
    )


def _last_classes(texts: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """Return the last class of each text, int64 (N, lengths, W); -1 for the empty text."""
    position = np.maximum(np.arange(texts.shape[1]) - 1, 0)[None, :, None, None]
    return np.take_along_axis(texts, np.broadcast_to(position, (*texts.shape[:3], 1)), 3)[..., 0].astype(
        np.int64
    )
