"""The codec of networks that emit one class a column."""

from typing import TYPE_CHECKING

import numpy as np

from . import ctc_beam, ctc_paths
from .codec import Codec, Codes, Decoded, Floats, log_softmax, softmax

if TYPE_CHECKING:
    import torch


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
