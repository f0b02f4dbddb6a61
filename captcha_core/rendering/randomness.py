"""Seeded streams of 32-bit words, one per image, that any machine can reproduce.

Image *k* of shard *i* owns a fixed window of a Philox counter sequence, so its draws
depend on (seed, i, k) alone and a shard's words come in one bulk call.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

WORDS_PER_IMAGE = 1024
_BLOCKS_PER_IMAGE = WORDS_PER_IMAGE // 8  # Philox4x64 gives four 64-bit words a block

T = TypeVar("T")
Words = npt.NDArray[np.uint32]


def _key(seed: int) -> npt.NDArray[np.uint64]:
    """Return the Philox key of a seed, uint64 (2,)."""
    return np.random.SeedSequence(seed).generate_state(2, np.uint64).astype(np.uint64, copy=False)


def random_words(seed: int, shard: int, start: int, count: int) -> Words:
    """Return the random words of images `start` … `start + count - 1` of one shard.

    Returns
    -------
    uint32 array of shape (count, WORDS_PER_IMAGE)
    """
    counter = np.array([start * _BLOCKS_PER_IMAGE, 0, shard, 0], np.uint64)
    generator = np.random.Philox(key=_key(seed), counter=counter)
    words = generator.random_raw(count * WORDS_PER_IMAGE // 2)
    return words.astype("<u8", copy=False).view("<u4").reshape(count, WORDS_PER_IMAGE)


def image_generator(seed: int, shard: int, index: int) -> np.random.Generator:
    """Return a generator for one image, unlimited and independent of the image's words."""
    counter = np.array([0, index, shard, 1], np.uint64)
    return np.random.Generator(np.random.Philox(key=_key(seed), counter=counter))


def random_below(words: npt.NDArray[np.uint32], n: int) -> npt.NDArray[np.int64]:
    """Map random words to integers 0 … n - 1: the upper half of word times n.

    One word for each draw, with a bias below n / 2**32 (multiply-shift, Lemire, 2019, without
    his rejection step).
    """
    return ((words.astype(np.uint64) * np.uint64(n)) >> np.uint64(32)).astype(np.int64)


class Draws:
    """The three functions of `secrets` that the library ``captcha`` calls, fed from a row of words.

    As a replacement of the attribute ``captcha.image.secrets``, it makes upstream draw exactly
    what capq's renderers draw from the same words.
    """

    def __init__(self, words: Words) -> None:
        self._words = iter(words.tolist())

    def randbits(self, k: int) -> int:
        """Return the top `k` (at most 32) bits of the next word."""
        return int(next(self._words)) >> (32 - k)

    def randbelow(self, n: int) -> int:
        """Return an integer 0 … n - 1 from the next word, as `random_below` does."""
        return (int(next(self._words)) * n) >> 32

    def choice(self, options: Sequence[T]) -> T:
        """Return one of the options, chosen by the next word."""
        return options[self.randbelow(len(options))]
