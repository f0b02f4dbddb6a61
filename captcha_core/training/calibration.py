"""Calibration: confidences that come true as often as they say.

A network that has learnt its images by heart is surer of others than it is right. Temperature
scaling (Guo et al., 2017) divides its logits by one number, fitted on images that were held out
of training. It changes no text that is read off, only how sure the network says it is.

A confidence promises that the whole text is right, so that is what is fitted: the number makes
the outcomes, right or wrong, as likely as it can, given the confidences of the texts read. The
likelihood of the true texts, Guo's choice, asks for something else, how much is left for the
truth where another text was read. On 2,000 to 4,000 images of a network trained on 600 it left
a calibration error of 6.3 % where this one leaves 5.2 to 5.4 %; on 200 images, and for networks
that read well, the two were within 0.2 points of each other.

Few images, or few faults among them, tell little: without a single fault, the likelihood would
have every confidence be 1. So the number's logarithm is taken to be around 0 beforehand, with
a standard deviation of a quarter, which hundreds of images with tens of faults outweigh.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..codecs.codec import Codec, Floats

FEWEST = 100  # images that tell anything
LEAST, GREATEST = 1 / 4, 8.0
_MOST = 4000  # images; beyond them the temperature hardly moves
_CELLS = 1 << 25  # logits held, 128 MB
_SPREAD = 0.25  # of log temperature, before any image is seen
_DOUBT = 1e-6  # no confidence is beyond doubt: one fault would outweigh all the rest
_STEPS = 18  # narrow the interval to less than a thousandth


def enough(cells: int) -> int:
    """Return how many images `fit` makes good use of, for so many logits an image."""
    return min(_MOST, _CELLS // cells)


def fit(logits: Floats, codec: Codec, texts: Sequence[str], fewest: int = FEWEST) -> float:
    """Return the temperature that calibrates a network, 1 for fewer than `fewest` images.

    Parameters
    ----------
    logits
        (N, T, C), of images that the network was not trained on.
    codec
        The network's, with the temperature 1.
    texts
        N ground-truth labels.
    """
    if len(texts) < fewest:
        return 1.0
    decoded = codec.decode(logits)
    right = np.array([read == true for read, true in zip(decoded.texts(), texts, strict=True)])

    def cost(power: float) -> float:
        sure = np.clip(codec.probability(logits / math.exp(power), decoded.codes), _DOUBT, 1 - _DOUBT)
        surprise = -np.log(np.where(right, sure, 1 - sure)).sum()
        return float(surprise) + power**2 / (2 * _SPREAD**2)

    logarithm = _lowest(cost, math.log(LEAST), math.log(GREATEST))
    return round(math.exp(min(0.0, logarithm, key=cost)), 3)


def _lowest(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function is lowest, by golden section; of several valleys, one of them."""
    share = (math.sqrt(5) - 1) / 2
    left, right = high - share * (high - low), low + share * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(_STEPS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - share * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + share * (high - low)
            at_right = function(right)
    return (low + high) / 2
