"""Look-alike characters more often, early in training: fresh images whose texts lean towards them."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pydantic
from pydantic import Field

from ..errors import TrainingError
from ..rendering import texts
from ..rendering.plugins import BUILT_IN
from ..rendering.randomness import random_below, random_words
from ..spec import Spec
from .data import Batch, Rendered, concatenated, spans

if TYPE_CHECKING:
    from ..rendering import LeptureRenderer

_STREAM = 1 << 62  # added to the seed of the replacements, which no image's own seed reaches
_UNIT = 1 << 16


class Emphasis(pydantic.BaseModel):
    """Some characters come up more often in the first images of a run.

    Attributes
    ----------
    characters
        Such as ``0O``.
    share
        Of the positions of a text that get one of them, drawn evenly.
    until
        Images; later ones have the spec's own texts, so that training ends on these.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    characters: str = Field(min_length=1)
    share: float = Field(0.25, gt=0, le=1)
    until: int = Field(ge=1)


class EmphasisedTexts(Rendered):
    """Fresh images of a spec, of which the first lean towards some characters.

    Characters repeat here even where the spec has them distinct.

    Raises
    ------
    TrainingError
        When a character is not in the charset, or the generator draws its texts itself.
    """

    def __init__(self, spec: Spec, seed: int, emphasis: Emphasis) -> None:
        if seed >= _STREAM:
            raise TrainingError("a seed under an emphasis is 0 … 2**62 - 1")
        if spec.generator != BUILT_IN:
            raise TrainingError(
                f"generator {spec.generator!r} draws its own texts, which cannot be emphasised"
            )
        unknown = sorted(set(emphasis.characters) - set(spec.charset))
        if unknown:
            raise TrainingError(f"cannot emphasise {''.join(unknown)}: the texts do not hold it")
        super().__init__(spec, seed)
        self.emphasis = emphasis
        self._codes = np.array([spec.charset.index(character) for character in emphasis.characters])

    def batch(self, position: int, size: int) -> Batch:
        leaning = min(size, max(0, self.emphasis.until - position))
        parts = [self._leaning(*span) for span in spans(position, leaning)]
        if leaning < size:
            parts.append(super().batch(position + leaning, size - leaning))
        return concatenated(parts)

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"emphasis": self.emphasis.model_dump(mode="json")}

    def _leaning(self, shard: int, start: int, count: int) -> Batch:
        words = random_words(self.seed, shard, start, count)
        codes = self._replaced(texts.draw_codes(self.spec, words), shard, start)
        return cast("LeptureRenderer", self._renderer()).render_codes(codes, words)

    def _replaced(self, codes: npt.NDArray[np.int64], shard: int, start: int) -> npt.NDArray[np.int64]:
        count, longest = codes.shape
        draws = random_words(self.seed + _STREAM, shard, start, count)
        replaced = random_below(draws[:, :longest], _UNIT) < self.emphasis.share * _UNIT
        drawn = self._codes[random_below(draws[:, longest : 2 * longest], len(self._codes))]
        return np.where(replaced & (codes >= 0), drawn, codes)
