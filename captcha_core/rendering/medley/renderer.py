"""The renderer of the generator ``medley``: every image another look."""

from ...errors import SpecError
from ...spec import Spec
from .. import randomness
from ..renderer import Images, output_array
from . import font_files, font_index
from .composition import Composer, Tracing
from .draws import Draws
from .glyphs import glyphs_of
from .sampling import CompiledSampler, NumpySampler
from .texts import Texts


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
        assert options is not None and options.fonts is not None  # noqa: S101  (pinned)
        glyphs = glyphs_of(tuple(font_files.find(font) for font in options.fonts))
        self._texts = Texts(self.spec)
        self._composer = Composer(
            self.spec, options, glyphs, CompiledSampler() if compiled else NumpySampler()
        )

    def batch(
        self, seed: int, shard: int, start: int, count: int, out: Images | None = None
    ) -> tuple[Images, list[str]]:
        images = output_array(self.spec, count, out)
        labels = []
        for image, words in zip(images, randomness.random_words(seed, shard, start, count), strict=True):
            draws = Draws(words)
            labels.append(self._texts.text(draws))
            self._composer.draw(labels[-1], draws, image)
        return images, labels

    def trace(self, seed: int, shard: int, number: int) -> tuple[Images, str, Tracing]:
        """Draw one image of a shard, and keep where its characters are."""
        draws = Draws(randomness.random_words(seed, shard, number, 1)[0])
        image = output_array(self.spec, 1, None)[0]
        text = self._texts.text(draws)
        return image, text, self._composer.draw(text, draws, image, follow=True)


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
