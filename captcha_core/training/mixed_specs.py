"""Fresh images of several specs in turn, fitted to one size: for a network that reads many looks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from ..errors import TrainingError
from ..images.pixels import luma
from ..networks import Problem
from ..spec import Spec
from .data import Batch, Images, Rendered


class MixedSpecs:
    """Fresh grey images of several specs, without end.

    The stream is a cycle: first so many images of the first spec, then of the second, and so on.

    Parameters
    ----------
    parts
        Specs, and how many images of each there are in a cycle.
    size
        Width and height in pixels that all images are stretched to, as a network that was trained on
        them stretches what it reads (`images.resize_rules.STRETCHED`).
    seed
        As for `Rendered`.

    Raises
    ------
    TrainingError
        When there is no part, or one without images.
    """

    def __init__(self, parts: Sequence[tuple[Spec, int]], size: tuple[int, int], seed: int = 0) -> None:
        if not parts or min(count for _, count in parts) < 1:
            raise TrainingError("a mixture has at least one spec, and at least one image of each in a cycle")
        self._size = size
        self._counts = [count for _, count in parts]
        self._sources = [Rendered(spec, seed) for spec, _ in parts]

    @property
    def image_size(self) -> tuple[int, int]:
        return self._size

    def batch(self, position: int, size: int) -> Batch:
        batches = []
        for number, source in enumerate(self._sources):
            start = self._before(number, position)
            batches.append(source.batch(start, self._before(number, position + size) - start))
        return self._in_turn(position, size, batches)

    def held_out(self, count: int) -> Batch:
        batches = [
            source.held_out(self._before(number, count)) for number, source in enumerate(self._sources)
        ]
        return self._in_turn(0, count, batches)

    def check(self, problem: Problem) -> None:
        for source in self._sources:
            source.check(problem)

    def describe(self) -> dict[str, Any]:
        parts = [
            {"images": count, **source.describe()}
            for count, source in zip(self._counts, self._sources, strict=True)
        ]
        return {"kind": "mixed", "size": list(self._size), "cycle": parts}

    def _before(self, part: int, position: int) -> int:
        """Return how many images of a part the stream has before a position."""
        cycles, rest = divmod(position, sum(self._counts))
        count = self._counts[part]
        return cycles * count + min(max(rest - sum(self._counts[:part]), 0), count)

    def _in_turn(self, position: int, size: int, batches: Sequence[Batch]) -> Batch:
        """Put the parts' images of a stretch of the stream into its order."""
        order = np.repeat(np.arange(len(self._counts)), self._counts)
        parts = order[np.arange(position, position + size) % len(order)]
        width, height = self._size
        images, texts = np.empty((size, height, width, 1), np.uint8), [""] * size
        for number, (part_images, part_texts) in enumerate(batches):
            slots = np.flatnonzero(parts == number)
            for slot, image, text in zip(slots.tolist(), part_images, part_texts, strict=True):
                images[slot], texts[slot] = luma(_stretched(image, self._size)[np.newaxis])[0], text
        return images, texts


def _stretched(image: Images, size: tuple[int, int]) -> Images:
    if image.shape[1::-1] == size:
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
