"""The codec of CTC networks, which emit one class a column."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from . import ctc_beam, ctc_paths, occurrence
from .codec import Codec, Codes, Decoded, Floats, log_softmax, softmax
from .occurrence import Occurrence

if TYPE_CHECKING:
    import torch


class CtcCodec(Codec):
    """Connectionist temporal classification (Graves et al., 2006) over image columns.

    Class 0 is the blank, class k + 1 is character k of the charset. Decoding is greedy: the
    likeliest class of each column. Only where that gives a length that is not allowed, the
    likeliest path of an allowed length is computed (Viterbi). The confidence of a text is its
    exact probability, summed over all its alignments; that of a character is the greatest
    probability among its columns.

    With a beam, texts of a probability of at most a half, for which another text may be more
    probable, are searched again by prefix beam search.
    """

    first_character = ctc_paths.BLANK + 1

    @property
    def classes(self) -> int:
        return len(self.charset) + 1

    def loss(
        self, logits: "torch.Tensor", codes: Codes, weights: "torch.Tensor | None" = None
    ) -> "torch.Tensor":
        import torch
        from torch.nn import functional

        log_probs = logits.float().log_softmax(-1).transpose(0, 1)  # (T, N, C)
        columns, count = log_probs.shape[:2]
        lengths = torch.from_numpy((codes >= 0).sum(1))
        losses = functional.ctc_loss(
            log_probs,
            torch.from_numpy(np.maximum(codes, 0) + 1).to(logits.device),
            torch.full((count,), columns),
            lengths,
            reduction="none",
        )
        losses = losses / lengths.to(logits.device)
        return (losses if weights is None else losses * weights).mean()

    def decode(
        self, logits: Floats, *, beam: int | None = None, lengths: tuple[int, int] | None = None
    ) -> Decoded:
        shortest, longest = self.allowed_lengths(lengths)
        path, starts = _likeliest_path(logits, shortest, longest)
        probabilities = softmax(logits, self.temperature)
        codes, characters = ctc_paths.collapse(path, starts, probabilities, longest)
        confidence = ctc_paths.text_probability(probabilities, codes)
        decoded = Decoded(self.charset, codes, confidence, characters)
        if beam is not None:
            _improve_by_beam_search(decoded, logits, probabilities, shortest, beam, self.temperature)
        return decoded

    def probability(self, logits: Floats, codes: Codes) -> Floats:
        return ctc_paths.text_probability(softmax(logits, self.temperature), codes)

    def occurrence(self, logits: Floats, *, lengths: tuple[int, int] | None = None) -> Occurrence:
        shortest, longest = self.allowed_lengths(lengths)
        probabilities = softmax(logits, self.temperature)
        path, starts = _likeliest_path(logits, shortest, longest)
        characters = ctc_paths.character_probabilities(probabilities, path, starts)
        of_length = ctc_paths.length_probability(probabilities, longest)[:, shortest:]
        return Occurrence(
            "".join(np.array(list(self.charset))[occurrence.occurring(characters)]),
            occurrence.length_range(of_length, shortest),
        )


def _likeliest_path(
    logits: Floats, shortest: int, longest: int
) -> tuple[ctc_paths.Paths, npt.NDArray[np.bool_]]:
    """Return the likeliest path of an allowed length, and where its characters start, both (N, T)."""
    path = logits.argmax(2)
    starts = ctc_paths.character_starts(path)
    text_lengths = starts.sum(1)
    disallowed = np.flatnonzero((text_lengths < shortest) | (text_lengths > longest))
    if disallowed.size:
        log_probs = log_softmax(logits[disallowed])
        path[disallowed] = ctc_paths.best_path_of_length(log_probs, shortest, longest)
        starts[disallowed] = ctc_paths.character_starts(path[disallowed])
    return path, starts


def _improve_by_beam_search(
    decoded: Decoded, logits: Floats, probabilities: Floats, shortest: int, beam: int, temperature: float
) -> None:
    """Replace, in place, the texts for which a beam search finds a more probable one."""
    uncertain = np.flatnonzero(decoded.confidence <= 0.5)  # above a half, no other text is as probable
    log_probs = log_softmax(logits[uncertain] / temperature)
    codes = ctc_beam.search(log_probs, shortest, decoded.codes.shape[1], beam)
    confidence = ctc_paths.text_probability(probabilities[uncertain], codes)
    better = confidence > decoded.confidence[uncertain]
    rows, codes = uncertain[better], codes[better]
    path = ctc_paths.align(log_probs[better], codes)
    starts = ctc_paths.character_starts(path)
    _, characters = ctc_paths.collapse(path, starts, probabilities[rows], codes.shape[1])
    decoded.codes[rows], decoded.confidence[rows], decoded.characters[rows] = (
        codes,
        confidence[better],
        characters,
    )
