"""The renderer of the generator ``medley``: every image another look."""

import numpy as np
from PIL import Image

from ...errors import SpecError
from ...spec import Spec
from .. import randomness
from ..renderer import Images, room_for
from ..randomness import Words
from . import font_files, font_index
from .composition import Composer, Picture
from .draws import Draws
from .glyphs import Glyphs
from .sampling import CompiledSampler, NumpySampler
from .texts import Texts

NAME = "medley"


class MedleyRenderer:
    """Draws images whose looks come from a distribution; not to be shared between threads.

    Parameters
    ----------
    compiled
        Whether to sample with numba: the same pixels, sooner.

    Raises
    ------
    SpecError
        When a font of the spec is not here, or none is.
    """

    def __init__(self, spec: Spec, *, compiled: bool) -> None:
        self.engine = "numba" if compiled else "pillow"
        self.spec = pinned(spec)
        options = self.spec.medley
        assert options is not None and options.fonts is not None  # noqa: S101, PT018  (pinned)
        paths = [font_files.find(font) for font in options.fonts]
        self._texts = Texts(self.spec)
        self._composer = Composer(
            self.spec, options, Glyphs(paths), CompiledSampler() if compiled else NumpySampler()
        )

    def batch(
        self, seed: int, shard: int, start: int, count: int, out: Images | None = None
    ) -> tuple[Images, list[str]]:
        images = room_for(self.spec, count, out)
        labels = []
        for image, words in zip(images, randomness.image_words(seed, shard, start, count), strict=True):
            text, picture = self._drawn(words, follow=False)
            _copy(picture.image, image)
            labels.append(text)
        return images, labels

    def picture(self, words: Words) -> tuple[str, Picture]:
        """Draw one image from its row of words, and keep where its text is."""
        return self._drawn(words, follow=True)

    def _drawn(self, words: Words, *, follow: bool) -> tuple[str, Picture]:
        draws = Draws(words)
        text = self._texts.text(draws)
        return text, self._composer.picture(text, draws, follow=follow)


def _copy(picture: Image.Image, out: Images) -> None:
    pixels = np.asarray(picture)
    if pixels.ndim == 3:
        out[:] = pixels
        return
    for channel in range(3):  # one assignment for all three takes six times as long
        out[..., channel] = pixels


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
