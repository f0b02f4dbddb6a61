"""A network's outputs reduced to some of its characters, with upper and lower case apart or as one.

A mask on the logits leaves characters out: their classes take no part in the softmax, so that a
confidence is the probability of a text among all texts of the others. Where case is ignored, the
probabilities of a letter's two cases are added in each column or position. What remains are the
outputs of a network for the smaller charset, and its codec decodes them as any others.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .codec import Codec, Codes, Decoded, Floats, log_softmax
from .occurrence import Occurrence
from .restrictions import CharacterGroup, character_groups


@dataclass(frozen=True)
class MaskedCodec:
    """Decodes a network's logits to texts of some of its characters.

    Attributes
    ----------
    codec
        The codec for the smaller charset, of K classes.
    temperature
        The network's, by which logits are divided before the probabilities of two cases are added.
        The sums depend on it, so that it decides texts too; `codec` then has the temperature 1.
        Where nothing is added it is 1, and the temperature is left to `codec`.
    classes
        int64: the network's classes that take part. The first K are those that become the K
        classes of `codec`; the others are to be added to one of these.
    added
        For each round of additions, the classes of `codec` to which one more is added, int64.
        Their addends follow one another in `classes`.
    """

    codec: Codec
    temperature: float
    classes: npt.NDArray[np.int64]
    added: tuple[npt.NDArray[np.int64], ...]

    def decode(
        self, logits: Floats, *, beam: int | None = None, lengths: tuple[int, int] | None = None
    ) -> Decoded:
        """Decode the network's logits (N, T, C), as `Codec.decode` does."""
        return self.codec.decode(self.reduce(logits), beam=beam, lengths=lengths)

    def probability(self, logits: Floats, codes: Codes) -> Floats:
        """Return the probability of one given text a row, as `Codec.probability` does.

        Parameters
        ----------
        logits
            The network's, float (N, T, C).
        codes
            int64 (N, longest allowed length), from `decode` or the `encode` of `codec`.
        """
        return self.codec.probability(self.reduce(logits), codes)

    def occurrence(self, logits: Floats, *, lengths: tuple[int, int] | None = None) -> Occurrence:
        """Estimate which of the characters and lengths occur, as `Codec.occurrence` does."""
        return self.codec.occurrence(self.reduce(logits), lengths=lengths)

    def reduce(self, logits: Floats) -> Floats:
        """Return the logits of the smaller charset, float (N, T, K), given the network's (N, T, C)."""
        kept: Floats = np.take(logits, self.classes, axis=2)
        if not self.added:
            return kept
        log_probs = log_softmax(kept / self.temperature)
        position = self.codec.classes
        reduced = log_probs[:, :, :position].copy()
        for targets in self.added:
            addends = log_probs[:, :, position : position + len(targets)]
            reduced[:, :, targets] = np.logaddexp(reduced[:, :, targets], addends)
            position += len(targets)
        return reduced


def masked(codec: Codec, charset: str | None, *, ignore_case: bool) -> Codec | MaskedCodec:
    """Return what decodes to texts of a charset: the codec itself where nothing is left out or added.

    Parameters
    ----------
    charset
        The characters to read, in the spelling of the texts; None for all.
    ignore_case
        Whether upper and lower case of a letter are read as one, see `restrictions.character_groups`.

    Raises
    ------
    CheckpointError
        When `charset` is empty or has characters that the network does not read.
    """
    groups = character_groups(codec, charset, ignore_case=ignore_case)
    spelling = "".join(group.spelling for group in groups)
    if spelling == codec.charset:
        return codec
    classes = _class_groups(codec, groups)
    adds = any(len(group) > 1 for group in classes)
    return MaskedCodec(
        codec=type(codec)(spelling, codec.lengths, 1.0 if adds else codec.temperature),
        temperature=codec.temperature if adds else 1.0,
        classes=np.array(_in_rounds(classes), np.int64),
        added=_targets(classes),
    )


def _class_groups(codec: Codec, groups: list[CharacterGroup]) -> list[tuple[int, ...]]:
    """Return the classes of each group of characters, with those that stand for no character around them."""
    first, end = codec.first_character, codec.first_character + len(codec.charset)
    characters = [tuple(first + code for code in group.codes) for group in groups]
    others_before = [(label,) for label in range(first)]
    others_after = [(label,) for label in range(end, codec.classes)]
    return [*others_before, *characters, *others_after]


def _in_rounds(classes: list[tuple[int, ...]]) -> list[int]:
    """Return the first class of every group, then the second of every group that has one, and so on."""
    rounds = range(max(map(len, classes)))
    return [group[index] for index in rounds for group in classes if len(group) > index]


def _targets(classes: list[tuple[int, ...]]) -> tuple[npt.NDArray[np.int64], ...]:
    """Return, for each round after the first, the groups that have a class in it."""
    return tuple(
        np.array([target for target, group in enumerate(classes) if len(group) > index], np.int64)
        for index in range(1, max(map(len, classes)))
    )
