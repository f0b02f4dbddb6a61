"""What every renderer offers, and what the built-in engines share."""

import abc
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..errors import SpecError
from ..spec import Spec
from . import randomness, texts
from .randomness import Words

Images = npt.NDArray[np.uint8]


class Renderer(Protocol):
    """Draws the images of one spec; not to be shared between threads.

    Attributes
    ----------
    spec
        The spec drawn.
    engine
        ``"numba"``, ``"pillow"``, or the name of a plug-in generator.
    """

    @property
    def spec(self) -> Spec: ...

    @property
    def engine(self) -> str: ...

    def batch(
        self, seed: int, shard: int, start: int, count: int, out: Images | None = None
    ) -> tuple[Images, list[str]]:
        """Draw images `start` … `start + count - 1` of a shard, with their texts.

        The result depends on (spec, seed, shard, number of the image) alone, not on
        the batch an image is part of.

        Parameters
        ----------
        out
            Where to put the images: C-contiguous uint8 of shape (count, height, width, 3).

        Returns
        -------
        images : uint8 array of shape (count, height, width, 3), RGB; `out` when given
        texts : list of `count` labels

        Raises
        ------
        SpecError
            When a plug-in returns something other than an image of the spec's size.
        """
        ...


class LeptureRenderer(abc.ABC):
    """A renderer that makes the draws of `captcha.image.ImageCaptcha`, one word each."""

    engine: str

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    @abc.abstractmethod
    def render(self, labels: Sequence[str], words: Words, out: Images | None = None) -> Images:
        """Draw given texts from given words.

        Parameters
        ----------
        labels
            N texts; any characters the fonts have, each at least one long.
        words
            uint32 of shape (N, M): each image's draws in upstream's order, one word a draw.

        Returns
        -------
        uint8 array of shape (N, height, width, 3)

        Raises
        ------
        SpecError
            When a text is empty or has more draws than its row has words.
        """

    def draw(self, text: str, words: Words) -> Images:
        """Draw one text from one row of words; uint8 of shape (height, width, 3)."""
        image: Images = self.render([text], words[None, :])[0]
        return image

    def batch(
        self, seed: int, shard: int, start: int, count: int, out: Images | None = None
    ) -> tuple[Images, list[str]]:
        words = randomness.image_words(seed, shard, start, count)
        return self.spelt(texts.draw_codes(self.spec, words), words, out)

    def spelt(
        self, codes: npt.NDArray[np.int64], words: Words, out: Images | None = None
    ) -> tuple[Images, list[str]]:
        """Draw texts given as `texts.draw_codes` gives them, from all of their images' words."""
        labels = texts.as_strings(self.spec.charset, codes)
        return self.render(labels, words[:, texts.words_used(self.spec) :], out), labels


def room_for(spec: Spec, count: int, out: Images | None) -> Images:
    """Return `out` after checking it, or a new array for `count` images."""
    shape = (count, spec.height, spec.width, 3)
    if out is None:
        return np.empty(shape, np.uint8)
    if out.shape != shape or out.dtype != np.uint8 or not out.flags.c_contiguous:
        raise ValueError(f"out must be a C-contiguous uint8 array of shape {shape}")
    return out


def most_words(spec: Spec, length: int) -> int:
    """Return the most words that a text of `length` characters can draw.

    A glyph takes ten; each character may bring a space, and one more word decides
    that; each pasted glyph takes one more.
    """
    look = spec.look
    return 7 + length * (1 + 2 * 10 + 2) + 2 * look.noise_dots + 6


def check_texts(spec: Spec, labels: Sequence[str], words: Words) -> None:
    if words.ndim != 2 or words.dtype != np.uint32 or len(words) != len(labels):
        raise ValueError(f"words must be uint32 with one row for each of the {len(labels)} texts")
    if not all(labels):
        raise SpecError("a text needs at least one character")
    longest = max(map(len, labels), default=0)
    if longest and most_words(spec, longest) > words.shape[1]:
        raise SpecError(f"a text of {longest} characters may draw more than the {words.shape[1]} words given")
