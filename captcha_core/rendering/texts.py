"""The texts of images, drawn in bulk from the head of each image's words."""

import numpy as np
import numpy.typing as npt

from ..spec import Spec
from .randomness import Words, below


def words_used(spec: Spec) -> int:
    """Return how many of an image's words its text takes, whatever its length."""
    return 1 + spec.lengths[1]


def draw_codes(spec: Spec, words: Words) -> npt.NDArray[np.int64]:
    """Draw one text a row.

    Parameters
    ----------
    words
        uint32 of shape (N, WORDS_PER_IMAGE).

    Returns
    -------
    int64 array of shape (N, longest length): places in the charset, -1 past a text's end.
    """
    low, high = spec.lengths
    size = len(spec.charset)
    lengths = low + below(words[:, 0], high - low + 1)
    if spec.distinct:
        codes = _without_repeats(words[:, 1 : 1 + high], size)
    else:
        codes = below(words[:, 1 : 1 + high], size)
    codes[np.arange(high)[None, :] >= lengths[:, None]] = -1
    return codes


def _without_repeats(words: Words, size: int) -> npt.NDArray[np.int64]:
    """The first steps of a Fisher-Yates shuffle, on all rows at once."""
    rows = np.arange(len(words))
    deck = np.tile(np.arange(size), (len(words), 1))
    for step in range(words.shape[1]):
        pick = step + below(words[:, step], size - step)
        deck[rows, step], deck[rows, pick] = deck[rows, pick], deck[rows, step].copy()
    return deck[:, : words.shape[1]].copy()


def as_strings(charset: str, codes: npt.NDArray[np.int64]) -> list[str]:
    """Spell rows of codes out."""
    return ["".join(charset[c] for c in row if c >= 0) for row in codes.tolist()]
