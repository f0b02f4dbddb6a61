"""The texts of images: a part of the charset each, and a length."""

from ...spec import Spec
from ...spec.charset import NAMED
from .draws import Draws

_USUAL = 8
_RARE = 0.15
"""How often a length above `_USUAL` comes, beside the others."""


class Texts:
    """Draws the text of an image from a spec's charset, lengths and mixes."""

    def __init__(self, spec: Spec) -> None:
        low, high = spec.lengths
        self._lengths = {n: 1.0 if n <= max(_USUAL, low) else _RARE for n in range(low, high + 1)}
        self._distinct = spec.distinct
        least = high if spec.distinct else 1
        self._parts = {
            part: weight
            for mix, weight in (spec.medley.mixes if spec.medley else {"all": 1.0}).items()
            if len(part := _part(spec.charset, mix)) >= least
        }
        if not any(self._parts.values()):
            self._parts = {spec.charset: 1.0}

    def text(self, draws: Draws) -> str:
        length = draws.weighted(self._lengths)
        part = draws.weighted(self._parts)
        if not self._distinct:
            return "".join(draws.choice(part) for _ in range(length))
        deck = list(part)
        return "".join(deck.pop(draws.whole(0, len(deck) - 1)) for _ in range(length))


def _part(charset: str, mix: str) -> str:
    return charset if mix == "all" else "".join(c for c in charset if c in NAMED[mix])
