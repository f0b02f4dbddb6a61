"""Which characters and lengths occur in the texts of one set of images, by a network's outputs alone.

A network for many looks reads characters that one CAPTCHA never shows, and takes a 0 for an O there.
How often each occurs in the set is estimated by expectation maximisation over the network's
probabilities (Saerens, Latinne and Decaestecker, 2002, *Adjusting the outputs of a classifier to new
a priori probabilities*), and what hardly occurs can be left out of the decoding.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

_ROUNDS = 50
_RARE = 0.1  # of an even share
_LEAST = 0.5  # of an even share, that something which occurs is counted on to have
_DOUBT = 0.01


@dataclass(frozen=True)
class Occurrence:
    """What occurs in the texts of a set of images.

    Attributes
    ----------
    charset
        The characters, in the order of the network's.
    lengths
        Least and greatest length.
    """

    charset: str
    lengths: tuple[int, int]


def occurring(probabilities: Floats) -> npt.NDArray[np.bool_]:
    """Return which classes occur among some items.

    A class is left out where its estimated share is under a tenth of an even one, and so few items
    look most like it as would be seen in one set of a hundred if it had half an even share. So a
    small sample leaves nothing out.

    Parameters
    ----------
    probabilities
        float (M, K): how probable each class is for each item; rows add up to 1.

    Returns
    -------
    bool (K,)
    """
    count, classes = probabilities.shape
    if not count:
        return np.ones(classes, np.bool_)
    shares = _shares(probabilities)
    even = 1 / _effective_number(shares)
    counts = np.bincount(probabilities.argmax(1), minlength=classes)
    kept: npt.NDArray[np.bool_] = (shares >= _RARE * even) | (
        _at_most(counts, _LEAST * even * count) >= _DOUBT
    )
    return kept


def length_range(probabilities: Floats, shortest: int) -> tuple[int, int]:
    """Return the least and greatest length that occur.

    Parameters
    ----------
    probabilities
        float (N, L): how probable the lengths from `shortest` on are for each image.
    """
    totals = probabilities.sum(1, keepdims=True)
    known = totals[:, 0] > 0
    lengths = shortest + np.flatnonzero(occurring(probabilities[known] / totals[known]))
    return int(lengths.min()), int(lengths.max())


def _shares(probabilities: Floats) -> npt.NDArray[np.float64]:
    """Estimate the share of each class: the prior that explains the items best."""
    classes = probabilities.shape[1]
    shares = np.full(classes, 1 / classes)
    for _ in range(_ROUNDS):
        weighted = probabilities * shares
        weighted /= weighted.sum(1, keepdims=True)
        shares = weighted.mean(0)
    return shares


def _effective_number(shares: npt.NDArray[np.float64]) -> float:
    """Return how many classes of an even share would be as hard to guess: the perplexity."""
    positive = shares[shares > 0]
    return float(np.exp(-(positive * np.log(positive)).sum()))


def _at_most(counts: npt.NDArray[np.int64], mean: float) -> npt.NDArray[np.float64]:
    """Return the probability of no more than each count under a Poisson distribution, float64 (K,)."""
    numbers = np.arange(counts.max() + 1)
    log_factorials = np.concatenate([[0.0], np.log(numbers[1:]).cumsum()])
    cumulative = np.exp(numbers * np.log(mean) - mean - log_factorials).cumsum()
    return np.asarray(cumulative[counts])
