"""Generators of other packages, found through the entry-point group ``capq.generators``.

Such a generator is a callable ``(text, random, spec) -> PIL.Image.Image``. It must take
all its randomness from `random`, a `numpy.random.Generator` that belongs to one image,
and return an image of the spec's size.
"""

from collections.abc import Callable
from importlib import metadata

import numpy as np
from PIL import Image

from ..errors import SpecError
from ..spec import Spec
from ..spec.spec import MEDLEY
from . import randomness, texts
from .renderer import Images, output_array

GROUP = "capq.generators"
BUILT_IN = "lepture"

Generator = Callable[[str, np.random.Generator, Spec], Image.Image]


def installed() -> tuple[str, ...]:
    """Return the names of all generators, the built-in ones first."""
    return (BUILT_IN, MEDLEY, *sorted(metadata.entry_points(group=GROUP).names - {BUILT_IN, MEDLEY}))


def load(name: str) -> Generator:
    """Import and return the generator of that name.

    Raises
    ------
    SpecError
        When none of that name is installed, or it cannot be imported or called.
    """
    entry_point = next(iter(metadata.entry_points(group=GROUP, name=name)), None)
    if entry_point is None:
        raise SpecError(f"no generator {name!r}: installed are {', '.join(installed())}")
    try:
        generator = entry_point.load()
    except (ImportError, AttributeError) as error:
        raise SpecError(f"generator {name!r} ({entry_point.value}) cannot be imported: {error}") from error
    if not callable(generator):
        raise SpecError(f"generator {name!r} ({entry_point.value}) is no callable")
    loaded: Generator = generator
    return loaded


class PluginRenderer:
    """A renderer that calls a plug-in generator once for each image."""

    def __init__(self, spec: Spec, generator: Generator | None = None) -> None:
        self.spec = spec
        self.engine = spec.generator
        self._generator = generator or load(spec.generator)

    def batch(
        self, seed: int, shard: int, start: int, count: int, out: Images | None = None
    ) -> tuple[Images, list[str]]:
        words = randomness.random_words(seed, shard, start, count)
        labels = texts.codes_to_texts(self.spec.charset, texts.draw_codes(self.spec, words))
        images = output_array(self.spec, count, out)
        for index, text in enumerate(labels):
            random = randomness.image_generator(seed, shard, start + index)
            images[index] = self._checked(self._generator(text, random, self.spec))
        return images, labels

    def _checked(self, image: object) -> Images:
        if not isinstance(image, Image.Image):
            raise SpecError(f"generator {self.engine!r} returned {type(image).__name__}, not a PIL image")
        size = (self.spec.width, self.spec.height)
        if image.size != size:
            raise SpecError(f"generator {self.engine!r} returned an image of {image.size}, not {size}")
        return np.asarray(image.convert("RGB"))
