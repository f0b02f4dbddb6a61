"""The renderer of the generator ``medley``: every image another look."""

import numpy as np

from ...errors import SpecError
from ...spec import Spec
from .. import randomness
from ..renderer import Images, room_for
from ..randomness import Words
from . import font_files, font_index
from .composition import Composer, Picture
from .draws import Draws
from .glyphs import Glyphs
from .texts import Texts

NAME = "medley"


class MedleyRenderer:
    """Draws images whose looks come from a distribution; not to be shared between threads.

    Raises
    ------
    SpecError
        When a font of the spec is not here, or none is.
    """

    engine = "pillow"

    def __init__(self, spec: Spec) -> None:
        self.spec = pinned(spec)
        options = self.spec.medley
        assert options is not None and options.fonts is not None  # noqa: S101, PT018  (pinned)
        paths = [font_files.find(font) for font in options.fonts]
        self._texts = Texts(self.spec)
        self._composer = Composer(self.spec, options, Glyphs(paths), len(paths))

    def batch(
        self, seed: int, shard: int, start: int, count: int, out: Images | None = None
    ) -> tuple[Images, list[str]]:
        images = room_for(self.spec, count, out)
        labels = []
        for image, words in zip(images, randomness.image_words(seed, shard, start, count), strict=True):
            text, picture = self.picture(words)
            image[:] = np.asarray(picture.image).reshape(*image.shape[:2], -1)
            labels.append(text)
        return images, labels

    def picture(self, words: Words) -> tuple[str, Picture]:
        """Draw one image from its row of words, and keep where its text is."""
        draws = Draws(words)
        text = self._texts.text(draws)
        return text, self._composer.picture(text, draws)


def pinned(spec: Spec) -> Spec:
    """Return the spec with the fonts of this machine named in it, if it names none.

    Raises
    ------
    SpecError
        When no font here can write the spec's charset.
    """
    if spec.medley is None or spec.medley.fonts is not None:
        return spec
    fonts = font_index.usable(spec.charset)
    if not fonts:
        raise SpecError("no font on this machine has all characters of the charset: name one in the spec")
    return spec.replaced(medley=spec.medley.model_copy(update={"fonts": fonts}))
