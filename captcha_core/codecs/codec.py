"""What all codecs share: a network's outputs decoded, and texts encoded.

A network emits logits of shape (N, T, C): T columns or positions, C classes. What they mean
is the codec's business alone, so a training loop or a solver never knows which head it drives.

This module needs numpy only; PyTorch is imported when a loss is asked for.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import CheckpointError, LabelError
from .answer import Answer

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
        What the codes index.
    codes
        int64 (N, longest allowed length): places in the charset, -1 past a text's end.
    confidence
        float (N,).
    characters
        float (N, longest allowed length), 0 past a text's end.
    """

    charset: str
    codes: Codes
    confidence: Floats
    characters: Floats

    def texts(self) -> list[str]:
        """Spell the codes out."""
        return spell(self.charset, self.codes)

    def answers(self) -> list[Answer]:
        """Return one `Answer` a row."""
        rows = zip(self.texts(), self.confidence.tolist(), self.characters.tolist(), strict=True)
        return [Answer(text, whole, tuple(each[: len(text)])) for text, whole, each in rows]


def spell(charset: str, codes: Codes) -> list[str]:
    """Turn rows of codes, -1 past the end, into texts; no Python step per character."""
    table = np.array([*charset, ""], dtype="U1")  # code -1 takes the last entry
    letters = np.ascontiguousarray(table[codes])
    return [str(text) for text in letters.view(f"U{codes.shape[1]}")[:, 0].tolist()]


class Codec(ABC):
    """The meaning of a network's outputs, for one charset and one range of text lengths.

    Parameters
    ----------
    temperature
        Divides the logits before they become probabilities (`calibration`). Only confidences
        change by it: every class of every column is scaled alike, so what is likeliest stays so.
        A beam search, which weighs sums of probabilities, works with the divided ones.
    """

    def __init__(self, charset: str, lengths: tuple[int, int], temperature: float = 1.0) -> None:
        self.charset = charset
        self.lengths = lengths
        self.temperature = temperature
        self._places = {character: place for place, character in enumerate(charset)}

    @property
    @abstractmethod
    def classes(self) -> int:
        """How many classes a network emits at each step."""

    @abstractmethod
    def loss(self, logits: "torch.Tensor", codes: Codes) -> "torch.Tensor":
        """Return the mean loss of a batch, a scalar tensor.

        Parameters
        ----------
        logits
            (N, T, C), any floating type; the loss is computed in float32.
        codes
            int64 (N, longest length), from `encode`.
        """

    @abstractmethod
    def decode(
        self, logits: Floats, *, beam: int | None = None, lengths: tuple[int, int] | None = None
    ) -> Decoded:
        """Decode logits to texts of an allowed length.

        Parameters
        ----------
        logits
            (N, T, C)
        beam
            Search for the most probable text with so many beams, where the codec's plain
            decoding may miss it.
        lengths
            Least and greatest length, within those of the codec; all of these when absent.

        Raises
        ------
        CheckpointError
            When `lengths` are not within those of the codec.
        """

    @abstractmethod
    def probability(self, logits: Floats, codes: Codes) -> Floats:
        """Return the probability of one given text a row, as confidences are made.

        Parameters
        ----------
        logits
            (N, T, C)
        codes
            int64 (N, longest length), from `encode` or `decode`.

        Returns
        -------
        float (N,)
        """

    def narrowed(self, lengths: tuple[int, int] | None) -> tuple[int, int]:
        """Return the lengths to decode to, the codec's own for None.

        Raises
        ------
        CheckpointError
            When they are not within the codec's.
        """
        if lengths is None:
            return self.lengths
        low, high = lengths
        if not self.lengths[0] <= low <= high <= self.lengths[1]:
            raise CheckpointError(
                f"the network reads texts of {_range(*self.lengths)} characters, "
                f"and cannot be held to {_range(low, high)}: name a length within that"
            )
        return low, high

    def encode(self, texts: Sequence[str]) -> Codes:
        """Turn texts into codes, int64 (N, longest allowed length), -1 past the end.

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
                    f"text {text!r} has {len(text)} characters, and the network reads {low} to {high}"
                )
            try:
                codes[row, : len(text)] = [self._places[character] for character in text]
            except KeyError as error:
                raise LabelError(f"text {text!r} holds {error}, which the network does not read") from None
        return codes

    def _tempered(self, logs: Floats) -> Floats:
        """Return the log probabilities that confidences are made of, given the network's own."""
        return logs if self.temperature == 1 else log_softmax(logs / self.temperature)


def log_softmax(logits: Floats) -> npt.NDArray[np.float32]:
    """Return log probabilities along the last axis, float32."""
    shifted: npt.NDArray[np.float32] = logits.astype(np.float32)
    shifted -= shifted.max(-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(-1, keepdims=True))
    return shifted


def softmax(logits: Floats, temperature: float = 1.0) -> npt.NDArray[np.float32]:
    """Return the probabilities along the last axis of logits divided by the temperature, float32."""
    found: npt.NDArray[np.float32] = logits.astype(np.float32)
    found -= found.max(-1, keepdims=True)
    found /= np.float32(temperature)
    np.exp(found, out=found)
    found /= found.sum(-1, keepdims=True)
    return found


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"
