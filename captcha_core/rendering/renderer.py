"""The interface of renderers, and the base class of the built-in engines."""

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

        An image depends on (spec, seed, shard, index of the image) only, not on the batch it is
        part of.

        Parameters
        ----------
        out
            Array for the images: C-contiguous uint8 of shape (count, height, width, 3).

        Returns
        -------
        images : uint8 array of shape (count, height, width, 3), RGB; `out` if given
        texts : list of `count` labels

        Raises
        ------
        SpecError
            When a plug-in returns something other than an image of the spec's size.
        """
        ...


class LeptureRenderer(abc.ABC):
    """A renderer that draws the random numbers of `captcha.image.ImageCaptcha`, one word each."""

    engine: str

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    @abc.abstractmethod
    def render(self, labels: Sequence[str], words: Words, out: Images | None = None) -> Images:
        """Draw given texts with given random words.

        Parameters
        ----------
        labels
            N texts of at least one character, of any characters that the fonts have.
        words
            uint32 of shape (N, M): the random words of each image, in upstream's order of draws.

        Returns
        -------
        uint8 array of shape (N, height, width, 3)

        Raises
        ------
        SpecError
            When a text is empty, or may draw more words than its row has.
        """

    def draw(self, text: str, words: Words) -> Images:
        """Draw one text with one row of random words; return uint8 of shape (height, width, 3)."""
        image: Images = self.render([text], words[None, :])[0]
        return image

    def batch(
        self, seed: int, shard: int, start: int, count: int, out: Images | None = None
    ) -> tuple[Images, list[str]]:
        words = randomness.random_words(seed, shard, start, count)
        return self.render_codes(texts.draw_codes(self.spec, words), words, out)

    def render_codes(
        self, codes: npt.NDArray[np.int64], words: Words, out: Images | None = None
    ) -> tuple[Images, list[str]]:
        """Draw texts given as codes, with all the random words of their images.

        Parameters
        ----------
        codes
            int64 (N, L): indices into the spec's charset, -1 past a text's end.
        words
            uint32 (N, WORDS_PER_IMAGE); the first ones, which draw the text, are skipped.

        Returns
        -------
        As `batch`.
        """
        labels = texts.codes_to_texts(self.spec.charset, codes)
        return self.render(labels, words[:, texts.words_per_text(self.spec) :], out), labels


def output_array(spec: Spec, count: int, out: Images | None) -> Images:
    """Return `out` after checking its shape, or a new array for `count` images."""
    shape = (count, spec.height, spec.width, 3)
    if out is None:
        return np.empty(shape, np.uint8)
    if out.shape != shape or out.dtype != np.uint8 or not out.flags.c_contiguous:
        raise ValueError(f"out must be a C-contiguous uint8 array of shape {shape}")
    return out


def max_words(spec: Spec, length: int) -> int:
    """Return the most random words that a text of `length` characters can draw.

    A glyph draws ten. Each character may be preceded by a space, which one more word decides, and
    each pasted glyph draws one more.
    """
    look = spec.look
    return 7 + length * (1 + 2 * 10 + 2) + 2 * look.noise_dots + 6


def check_texts(spec: Spec, labels: Sequence[str], words: Words) -> None:
    """Raise SpecError or ValueError unless `words` suffice for these texts."""
    if words.ndim != 2 or words.dtype != np.uint32 or len(words) != len(labels):
        raise ValueError(f"words must be uint32 with one row for each of the {len(labels)} texts")
    if not all(labels):
        raise SpecError("a text needs at least one character")
    longest = max(map(len, labels), default=0)
    if longest and max_words(spec, longest) > words.shape[1]:
        raise SpecError(f"a text of {longest} characters may draw more than the {words.shape[1]} words given")
