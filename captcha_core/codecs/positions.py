"""The codec of networks that emit one class a position."""

from typing import TYPE_CHECKING

import numpy as np

from .codec import Codec, Codes, Decoded, Floats, log_softmax

if TYPE_CHECKING:
    import torch


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
