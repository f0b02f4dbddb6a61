"""Codecs: texts to classes, a network's outputs to texts, and the loss in between.

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

from . import ctc_beam, ctc_paths
from .errors import CheckpointError, LabelError

if TYPE_CHECKING:
    import torch

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Reading:
    """What a network reads in one image.

    Attributes
    ----------
    text
        Empty when the image could not be read.
    confidence
        The network's probability of the whole text, calibrated, 0 to 1.
    characters
        One confidence a character, 0 to 1.
    error
        Why there is no text, or None.
    resized
        Whether the image was of another size than the network reads.
    """

    text: str
    confidence: float
    characters: tuple[float, ...]
    error: str | None = None
    resized: bool = False

    @classmethod
    def failed(cls, error: str) -> "Reading":
        """Return the reading of an image that could not be read."""
        return cls("", 0.0, (), error)


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

    def readings(self) -> list[Reading]:
        """Return one `Reading` a row."""
        rows = zip(self.texts(), self.confidence.tolist(), self.characters.tolist(), strict=True)
        return [Reading(text, whole, tuple(each[: len(text)])) for text, whole, each in rows]


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


class CtcCodec(Codec):
    """Connectionist temporal classification (Graves et al., 2006) over image columns.

    Class 0 is the blank, class k + 1 is character k of the charset. Texts are read off the
    likeliest class of each column; only where that gives a length that is not allowed, the
    best path of an allowed length is searched (Viterbi). The confidence of a text is its
    exact probability, summed over all its alignments; that of a character is the greatest
    probability among its columns.

    With a beam, the most probable text is searched where another may be more probable than
    the one read off: where that one's probability is at most a half.
    """

    @property
    def classes(self) -> int:
        return len(self.charset) + 1

    def loss(self, logits: "torch.Tensor", codes: Codes) -> "torch.Tensor":
        import torch
        from torch.nn import functional

        log_probabilities = logits.float().log_softmax(-1).transpose(0, 1)  # (T, N, C)
        steps, count = log_probabilities.shape[:2]
        lengths = torch.from_numpy((codes >= 0).sum(1))
        losses = functional.ctc_loss(
            log_probabilities,
            torch.from_numpy(np.maximum(codes, 0) + 1).to(logits.device),
            torch.full((count,), steps),
            lengths,
            reduction="none",
        )
        return (losses / lengths.to(logits.device)).mean()

    def decode(
        self, logits: Floats, *, beam: int | None = None, lengths: tuple[int, int] | None = None
    ) -> Decoded:
        low, high = self.narrowed(lengths)
        path = logits.argmax(2)
        starts = ctc_paths.starts(path)
        found = starts.sum(1)
        wrong = np.flatnonzero((found < low) | (found > high))
        if wrong.size:
            path[wrong] = ctc_paths.best_of_length(log_softmax(logits[wrong]), low, high)
            starts[wrong] = ctc_paths.starts(path[wrong])
        probabilities = softmax(logits, self.temperature)
        codes, characters = ctc_paths.collapse(path, starts, probabilities, high)
        confidence = ctc_paths.probability(probabilities, codes)
        decoded = Decoded(self.charset, codes, confidence, characters)
        if beam is not None:
            _search(decoded, logits, probabilities, low, beam, self.temperature)
        return decoded

    def probability(self, logits: Floats, codes: Codes) -> Floats:
        return ctc_paths.probability(softmax(logits, self.temperature), codes)


class PositionCodec(Codec):
    """One softmax a position.

    Class k is character k of the charset; where lengths vary, one more class, the last,
    fills the positions past a text's end. Decoding takes the likeliest text of an allowed
    length, with or without a beam, and its confidence is the product over all positions.
    """

    @property
    def classes(self) -> int:
        return len(self.charset) + (self.lengths[0] < self.lengths[1])

    def loss(self, logits: "torch.Tensor", codes: Codes) -> "torch.Tensor":
        import torch
        from torch.nn import functional

        classes = np.where(codes < 0, len(self.charset), codes)
        target = torch.from_numpy(classes).to(logits.device)
        return functional.cross_entropy(logits.float().transpose(1, 2), target)

    def decode(
        self, logits: Floats, *, beam: int | None = None, lengths: tuple[int, int] | None = None
    ) -> Decoded:
        low, high = self.narrowed(lengths)
        logs = log_softmax(logits)
        codes = logs[:, :, : len(self.charset)].argmax(2)
        if self.lengths[0] < self.lengths[1]:
            found = self._likeliest_length(logs, codes, low, high)
            codes[np.arange(codes.shape[1]) >= found[:, None]] = -1
        each = self._each(self._tempered(logs), codes)
        characters = np.where(codes < 0, 0, np.exp(each))
        return Decoded(self.charset, codes[:, :high], np.exp(each.sum(1)), characters[:, :high])

    def probability(self, logits: Floats, codes: Codes) -> Floats:
        found: Floats = np.exp(self._each(self._tempered(log_softmax(logits)), codes).sum(1))
        return found

    def _each(self, logs: Floats, codes: Codes) -> Floats:
        """Return the log probability of what a text has at each position (N, T), its end among it."""
        classes = np.where(codes < 0, len(self.charset), codes)
        return np.take_along_axis(logs, classes[:, :, None], 2)[:, :, 0]

    def _likeliest_length(self, logs: Floats, codes: Codes, low: int, high: int) -> Codes:
        """Return the length (N,) with the best score, given the best character of each position.

        The score of length n: these characters at each place before n, the end class after.
        """
        nothing = np.zeros((len(logs), 1), logs.dtype)
        before = np.concatenate([nothing, self._each(logs, codes).cumsum(1)], 1)
        after = np.concatenate([logs[:, ::-1, len(self.charset)].cumsum(1)[:, ::-1], nothing], 1)
        found: Codes = low + (before + after)[:, low : high + 1].argmax(1)
        return found


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


def _search(
    decoded: Decoded, logits: Floats, probabilities: Floats, low: int, beam: int, temperature: float
) -> None:
    """Put the texts that a beam search finds more probable in the place of those decoded."""
    doubtful = np.flatnonzero(decoded.confidence <= 0.5)  # above a half, no other text is as probable
    logs = log_softmax(logits[doubtful] / temperature)
    codes = ctc_beam.search(logs, low, decoded.codes.shape[1], beam)
    chances = ctc_paths.probability(probabilities[doubtful], codes)
    better = chances > decoded.confidence[doubtful]
    rows, codes = doubtful[better], codes[better]
    path = ctc_paths.align(logs[better], codes)
    _, characters = ctc_paths.collapse(path, ctc_paths.starts(path), probabilities[rows], codes.shape[1])
    decoded.codes[rows], decoded.confidence[rows], decoded.characters[rows] = (
        codes,
        chances[better],
        characters,
    )
