"""One image: a text laid out, coloured, cluttered and worn."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...spec import Spec
from ...spec.medley import Medley
from .bends import shifts
from .clutter import Clutterer, Scene
from .colours import Colour, Palette
from .draws import Draws
from .finish import fit, worn
from .glyphs import Glyphs
from .grounds import ground, regions
from .layout import Layout, Typesetter
from .sampling import Sampler

Mask = npt.NDArray[np.uint8]

_OVER, _UNDER = (0.6, 1.5), (1.3, 6.0)
"""Greatest width of lines and greatest number in a layer, in strokes of the text."""
_MOST_LINES = 10
_LEAST_SOFT = 2
"""Images with strokes thinner than so many pixels are not thresholded."""


@dataclasses.dataclass(frozen=True, eq=False)
class Tracing:
    """Where the text of an image is, at the size that the image was drawn at.

    Attributes
    ----------
    coverage
        uint8 of shape (rows, columns).
    owners
        Each pixel's character, by its place in the text; None if not asked for.
    """

    coverage: Mask
    owners: Mask | None


class Composer:
    """Draws the images of one spec."""

    def __init__(self, spec: Spec, options: Medley, glyphs: Glyphs, sampler: Sampler) -> None:
        self._spec = spec
        self._options = options
        self._sampler = sampler
        self._typesetter = Typesetter(spec, options, glyphs, sampler)
        self._clutterer = Clutterer(options, glyphs, sampler)

    def draw(self, text: str, draws: Draws, out: Mask, *, follow: bool = False) -> Tracing:
        """Draw a text in a look of its own.

        Parameters
        ----------
        out
            uint8 of shape (height, width, 3): where to.
        follow
            Whether to trace each character.
        """
        options = self._options
        layout = self._typesetter.lay_out(text, draws)
        palette = Palette(options, len(text), draws)
        inks = palette.inks()
        coverage, owners = self._text(layout, follow or len(inks) > 1)
        image = ground((layout.width, layout.height), options, palette, draws)
        self._clutterer.add(self._scene(image, palette, layout, over=False), draws)
        self._under(image, coverage, palette, layout, draws)
        _ink(image, self._swapped(coverage, palette, layout, draws), None if len(inks) == 1 else owners, inks)
        self._clutterer.add(self._scene(image, palette, layout, over=True), draws)
        pixels = np.asarray(image)
        if palette.single and draws.chance(options.threshold) and layout.stroke >= _LEAST_SOFT:
            pixels = _thresholded(pixels, palette.middle)
        pixels = worn(pixels, options, palette.least_contrast, layout.stroke, draws)
        fit(pixels, options, self._sampler, draws, out)
        return Tracing(coverage, owners)

    def _text(self, layout: Layout, follow: bool) -> tuple[Mask, Mask | None]:
        """Return the text's coverage, and whose pixels are whose if that is to be followed."""
        coverage, owners = layout.coverage(), layout.owners() if follow else None
        if not layout.bend:
            return coverage, owners
        return self._sampler.bent(coverage, owners, shifts(layout.bend, layout.width, layout.height))

    def _scene(self, image: Image.Image, palette: Palette, layout: Layout, *, over: bool) -> Scene:
        limits = _OVER if over else _UNDER
        thickest, most = (max(1, round(layout.stroke * limit)) for limit in limits)
        return Scene(
            image, palette, thickest, min(most, _MOST_LINES), over, layout.capital, self._spec.charset
        )

    def _under(
        self, image: Image.Image, coverage: Mask, palette: Palette, layout: Layout, draws: Draws
    ) -> None:
        """Draw the text's shadow or smear."""
        if draws.chance(self._options.shadow):
            reach = max(1, round(layout.capital * 0.14))
            step = draws.whole(-reach, reach), draws.whole(-reach, reach)
            image.paste(palette.any(0.6), (0, 0), Image.fromarray(_shifted(coverage, step)))
        if draws.chance(self._options.smear):
            step = draws.choice(((1, 0), (0, 1), (1, 1), (1, -1)))
            trail = coverage
            for _ in range(draws.whole(2, max(3, round(layout.capital * 0.15)))):
                trail = np.maximum(trail, _shifted(trail, step))
            image.paste(palette.any(0.7), (0, 0), Image.fromarray(trail))

    def _swapped(self, coverage: Mask, palette: Palette, layout: Layout, draws: Draws) -> Mask:
        """Return what is to be inked: in some images, in regions, all but the text."""
        if not (palette.single and draws.chance(self._options.inverted)):
            return coverage
        height, width = coverage.shape
        return coverage ^ regions((width, height), layout.capital, draws)


def _ink(image: Image.Image, coverage: Mask, owners: Mask | None, inks: Sequence[Colour]) -> None:
    mask = Image.fromarray(coverage)
    if owners is None:
        image.paste(inks[0], (0, 0), mask)
        return
    colours = np.array(inks, np.uint8)
    image.paste(Image.fromarray(colours.take(owners, 0)), (0, 0), mask)


def _shifted(mask: Mask, step: tuple[int, int]) -> Mask:
    """Return a mask moved by columns and rows."""
    across, down = step
    height, width = mask.shape
    moved = np.zeros_like(mask)
    moved[max(0, down) : height + min(0, down), max(0, across) : width + min(0, across)] = mask[
        max(0, -down) : height + min(0, -down), max(0, -across) : width + min(0, -across)
    ]
    return moved


def _thresholded(pixels: Mask, level: int) -> Mask:
    grey = pixels
    if pixels.ndim == 3:
        grey = (pixels.astype(np.uint16) @ np.array([77, 150, 29], np.uint16) >> 8).astype(np.uint8)
    return np.where(grey > level, np.uint8(255), np.uint8(0))
