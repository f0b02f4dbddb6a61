"""The codec of networks with one classifier a position."""

from typing import TYPE_CHECKING

import numpy as np

from .codec import Codec, Codes, Decoded, Floats, log_softmax

if TYPE_CHECKING:
    import torch


class PositionCodec(Codec):
    """One softmax a position of the text.

    Class k is character k of the charset; where lengths vary, one more class, the last, marks the
    positions past a text's end. Decoding returns the likeliest text of an allowed length, exactly,
    so a beam changes nothing. Its confidence is the product over all positions.
    """

    first_character = 0

    @property
    def classes(self) -> int:
        return len(self.charset) + (self.lengths[0] < self.lengths[1])

    def loss(
        self, logits: "torch.Tensor", codes: Codes, weights: "torch.Tensor | None" = None
    ) -> "torch.Tensor":
        import torch
        from torch.nn import functional

        classes = np.where(codes < 0, len(self.charset), codes)
        target = torch.from_numpy(classes).to(logits.device)
        by_class = logits.float().transpose(1, 2)
        if weights is None:
            return functional.cross_entropy(by_class, target)
        losses = functional.cross_entropy(by_class, target, reduction="none").mean(1)
        return (losses * weights).mean()

    def decode(
        self, logits: Floats, *, beam: int | None = None, lengths: tuple[int, int] | None = None
    ) -> Decoded:
        shortest, longest = self.allowed_lengths(lengths)
        log_probs = log_softmax(logits)
        codes = log_probs[:, :, : len(self.charset)].argmax(2)
        if self.lengths[0] < self.lengths[1]:
            text_lengths = self._likeliest_lengths(log_probs, codes, shortest, longest)
            codes[np.arange(codes.shape[1]) >= text_lengths[:, None]] = -1
        by_position = self._position_log_probs(self._with_temperature(log_probs), codes)
        characters = np.where(codes < 0, 0, np.exp(by_position))
        confidence = np.exp(by_position.sum(1))
        return Decoded(self.charset, codes[:, :longest], confidence, characters[:, :longest])

    def probability(self, logits: Floats, codes: Codes) -> Floats:
        log_probs = self._with_temperature(log_softmax(logits))
        probability: Floats = np.exp(self._position_log_probs(log_probs, codes).sum(1))
        return probability

    def _position_log_probs(self, log_probs: Floats, codes: Codes) -> Floats:
        """Return the log probability (N, T) of each position's character, or of the end class past it."""
        classes = np.where(codes < 0, len(self.charset), codes)
        return np.take_along_axis(log_probs, classes[:, :, None], 2)[:, :, 0]

    def _likeliest_lengths(self, log_probs: Floats, codes: Codes, shortest: int, longest: int) -> Codes:
        """Return the likeliest length of each text, int64 (N,), given the best character of each position.

        The score of length n is that of these characters at the positions before n, and of the end
        class at all positions from n on.
        """
        zeros = np.zeros((len(log_probs), 1), log_probs.dtype)
        characters = np.concatenate([zeros, self._position_log_probs(log_probs, codes).cumsum(1)], 1)
        ends = np.concatenate([log_probs[:, ::-1, len(self.charset)].cumsum(1)[:, ::-1], zeros], 1)
        lengths: Codes = shortest + (characters + ends)[:, shortest : longest + 1].argmax(1)
        return lengths
