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
    return np.random.SeedSequence(seed).generate_state(2, np.uint64).astype(np.uint64, copy=False)


def image_words(seed: int, shard: int, start: int, count: int) -> Words:
    """Return the words of images `start` … `start + count` of one shard.

    Returns
    -------
    uint32 array of shape (count, WORDS_PER_IMAGE)
    """
    counter = np.array([start * _BLOCKS_PER_IMAGE, 0, shard, 0], np.uint64)
    stream = np.random.Philox(key=_key(seed), counter=counter)
    raw = stream.random_raw(count * WORDS_PER_IMAGE // 2)
    return raw.astype("<u8", copy=False).view("<u4").reshape(count, WORDS_PER_IMAGE)


def image_generator(seed: int, shard: int, index: int) -> np.random.Generator:
    """Return an unbounded generator for one image, apart from its window of words."""
    counter = np.array([0, index, shard, 1], np.uint64)
    return np.random.Generator(np.random.Philox(key=_key(seed), counter=counter))


def below(words: npt.NDArray[np.uint32], n: int) -> npt.NDArray[np.int64]:
    """Map words to 0 … n-1 by the top half of a product: one word a draw, bias under n/2**32."""
    return ((words.astype(np.uint64) * np.uint64(n)) >> np.uint64(32)).astype(np.int64)


class Draws:
    """The three calls the library ``captcha`` makes on `secrets`, fed from a row of words.

    Put in the place of the module attribute ``captcha.image.secrets``, it makes upstream
    draw exactly what capq's renderers draw from the same words.
    """

    def __init__(self, words: Words) -> None:
        self._words = iter(words.tolist())

    def randbits(self, k: int) -> int:
        """Return the top `k` (at most 32) bits of the next word."""
        return int(next(self._words)) >> (32 - k)

    def randbelow(self, n: int) -> int:
        return (int(next(self._words)) * n) >> 32

    def choice(self, options: Sequence[T]) -> T:
        return options[self.randbelow(len(options))]
