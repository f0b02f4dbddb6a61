"""The texts of images, drawn for whole batches from the first random words of each image."""

import numpy as np
import numpy.typing as npt

from ..spec import Spec
from .randomness import Words, random_below


def words_per_text(spec: Spec) -> int:
    """Return the number of random words that an image's text draws, whatever its length."""
    return 1 + spec.lengths[1]


def draw_codes(spec: Spec, words: Words) -> npt.NDArray[np.int64]:
    """Draw one text for each row of words.

    Parameters
    ----------
    words
        uint32 of shape (N, WORDS_PER_IMAGE).

    Returns
    -------
    int64 array of shape (N, longest length): indices into the charset, -1 past a text's end.
    """
    low, high = spec.lengths
    size = len(spec.charset)
    lengths = low + random_below(words[:, 0], high - low + 1)
    if spec.distinct:
        codes = _without_repeats(words[:, 1 : 1 + high], size)
    else:
        codes = random_below(words[:, 1 : 1 + high], size)
    codes[np.arange(high)[None, :] >= lengths[:, None]] = -1
    return codes


def _without_repeats(words: Words, size: int) -> npt.NDArray[np.int64]:
    """Draw distinct codes: the first steps of a Fisher-Yates shuffle, on all rows at once."""
    rows = np.arange(len(words))
    deck = np.tile(np.arange(size), (len(words), 1))
    for step in range(words.shape[1]):
        drawn = step + random_below(words[:, step], size - step)
        deck[rows, step], deck[rows, drawn] = deck[rows, drawn], deck[rows, step].copy()
    return deck[:, : words.shape[1]].copy()


def codes_to_texts(charset: str, codes: npt.NDArray[np.int64]) -> list[str]:
    """Return the texts of rows of codes, -1 past a text's end."""
    return ["".join(charset[code] for code in row if code >= 0) for row in codes.tolist()]
