"""The base of all codecs: decodes a network's logits to texts, and encodes texts as classes.

A network emits logits of shape (N, T, C): T columns or positions, C classes. Only its codec knows
what they mean, so the training loop and the solver work with any head.

This module needs numpy only; PyTorch is imported when a loss is computed.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import LabelError, counted
from . import restrictions
from .answer import Answer
from .occurrence import Occurrence

if TYPE_CHECKING:
    import torch

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Decoded:
    """A batch of decoded texts as arrays.

    Attributes
    ----------
    charset
        The characters that `codes` index.
    codes
        int64 (N, longest allowed length): indices into the charset, -1 past a text's end.
    confidence
        float (N,): the probability of each text, 0 to 1.
    characters
        float (N, longest allowed length): the confidence of each character, 0 past a text's end.
    """

    charset: str
    codes: Codes
    confidence: Floats
    characters: Floats

    def texts(self) -> list[str]:
        """Return the N texts."""
        return codes_to_texts(self.charset, self.codes)

    def answers(self) -> list[Answer]:
        """Return one `Answer` a text."""
        rows = zip(self.texts(), self.confidence.tolist(), self.characters.tolist(), strict=True)
        return [
            Answer(text, confidence, tuple(characters[: len(text)])) for text, confidence, characters in rows
        ]


def codes_to_texts(charset: str, codes: Codes) -> list[str]:
    """Return the texts that rows of codes stand for.

    Parameters
    ----------
    codes
        int64 (N, L): indices into the charset, -1 past a text's end.
    """
    table = np.array([*charset, ""], dtype="U1")  # code -1 selects the last entry
    characters = np.ascontiguousarray(table[codes])
    # Viewed as one string of L characters a row, so that no Python code runs per character.
    return [str(text) for text in characters.view(f"U{codes.shape[1]}")[:, 0].tolist()]


class Codec(ABC):
    """Converts between texts and a network's classes, for one charset and one range of text lengths.

    Parameters
    ----------
    charset
        The characters that the network reads, in the order of its classes.
    lengths
        Least and greatest length of a text, both included.
    temperature
        Divides the logits before the softmax (temperature scaling, see `training.calibration`). It
        changes confidences only: the order of the classes within a column stays the same. A beam
        search, which compares sums of probabilities, uses the scaled logits.

    Attributes
    ----------
    first_character
        The class of the charset's first character; those of the others follow it.
    """

    first_character: ClassVar[int]

    def __init__(self, charset: str, lengths: tuple[int, int], temperature: float = 1.0) -> None:
        self.charset = charset
        self.lengths = lengths
        self.temperature = temperature
        self._code_of = {character: code for code, character in enumerate(charset)}

    @property
    @abstractmethod
    def classes(self) -> int:
        """Number of classes that the network emits a column or position."""

    @abstractmethod
    def loss(
        self, logits: "torch.Tensor", codes: Codes, weights: "torch.Tensor | None" = None
    ) -> "torch.Tensor":
        """Return the mean loss of a batch, a scalar tensor.

        Parameters
        ----------
        logits
            (N, T, C), any floating type; the loss is computed in float32.
        codes
            int64 (N, longest allowed length): the labels, from `encode`.
        weights
            float32 (N,): what each image's loss is multiplied by before the mean; None for 1.
        """

    @abstractmethod
    def decode(
        self, logits: Floats, *, beam: int | None = None, lengths: tuple[int, int] | None = None
    ) -> Decoded:
        """Decode logits to the likeliest texts of an allowed length.

        Parameters
        ----------
        logits
            float (N, T, C).
        beam
            Beam width of a search for the most probable text, used where greedy decoding may miss
            it; None decodes greedily.
        lengths
            Least and greatest length of the texts, within those of the codec; None allows all that
            the codec allows.

        Raises
        ------
        CheckpointError
            When `lengths` are not within those of the codec.
        """

    @abstractmethod
    def probability(self, logits: Floats, codes: Codes) -> Floats:
        """Return the probability of one given text a row, computed in the same way as the confidences.

        Parameters
        ----------
        logits
            float (N, T, C).
        codes
            int64 (N, longest allowed length), from `encode` or `decode`.

        Returns
        -------
        float (N,)
        """

    def occurrence(self, logits: Floats, *, lengths: tuple[int, int] | None = None) -> Occurrence:
        """Estimate which characters and lengths occur in the texts of one set of images.

        Codecs that cannot tell return all that the network reads.

        Parameters
        ----------
        logits
            float (N, T, C), of a sample of the set: a few hundred images.
        lengths
            Least and greatest length that are allowed; None for the codec's.
        """
        return Occurrence(self.charset, self.allowed_lengths(lengths))

    def allowed_lengths(self, lengths: tuple[int, int] | None) -> tuple[int, int]:
        """Return the least and greatest length to decode to: `lengths`, or the codec's own for None.

        Raises
        ------
        CheckpointError
            When `lengths` are not within those of the codec.
        """
        return restrictions.allowed_lengths(self, lengths)

    def encode(self, texts: Sequence[str]) -> Codes:
        """Return the codes of texts: int64 (N, longest allowed length), -1 past a text's end.

        Raises
        ------
        LabelError
            When a text has an unknown character or a length that is not allowed.
        """
        low, high = self.lengths
        codes = np.full((len(texts), high), -1, np.int64)
        for row, text in enumerate(texts):
            if not low <= len(text) <= high:
                raise LabelError(
                    f"text {text!r} has {counted(len(text), 'character')}, "
                    f"and the network reads {low} to {high}"
                )
            try:
                codes[row, : len(text)] = [self._code_of[character] for character in text]
            except KeyError as error:
                raise LabelError(f"text {text!r} holds {error}, which the network does not read") from None
        return codes

    def _with_temperature(self, log_probs: Floats) -> Floats:
        """Return log probabilities at the codec's temperature, given those at temperature 1."""
        return log_probs if self.temperature == 1 else log_softmax(log_probs / self.temperature)


def log_softmax(logits: Floats) -> npt.NDArray[np.float32]:
    """Return the log softmax of logits along the last axis, float32."""
    log_probs: npt.NDArray[np.float32] = logits.astype(np.float32)
    log_probs -= log_probs.max(-1, keepdims=True)
    log_probs -= np.log(np.exp(log_probs).sum(-1, keepdims=True))
    return log_probs


def softmax(logits: Floats, temperature: float = 1.0) -> npt.NDArray[np.float32]:
    """Return the softmax along the last axis of ``logits / temperature``, float32."""
    probabilities: npt.NDArray[np.float32] = logits.astype(np.float32)
    probabilities -= probabilities.max(-1, keepdims=True)
    probabilities /= np.float32(temperature)
    np.exp(probabilities, out=probabilities)
    probabilities /= probabilities.sum(-1, keepdims=True)
    return probabilities
