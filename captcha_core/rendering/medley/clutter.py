"""What is drawn under and over the text: lines, arcs, waves, grids, dots, dashes, blobs, letters."""

import dataclasses
from collections.abc import Callable

from PIL import Image, ImageDraw

from ...spec.medley import Clutter, Medley
from . import grain
from .colours import Colour, Palette
from .draws import Draws
from .glyphs import CAPITAL, Glyphs
from .pieces import Pose, posed
from .sampling import Sampler
from .waves import ONE, wave

_SEGMENT = 4
"""Columns that a piece of a drawn wave spans."""


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """What clutter is drawn into.

    Attributes
    ----------
    image
        The image so far.
    palette
        Its colours.
    thickest
        Greatest width of a line, in pixels: thinner than the text's strokes when over it.
    most
        Greatest number of lines, waves or arcs in a layer.
    over
        Whether the text is there already.
    capital
        Height of a capital, in pixels.
    charset
        What the text is written in.
    """

    image: Image.Image
    palette: Palette
    thickest: int
    most: int
    over: bool
    capital: float
    charset: str


class Clutterer:
    """Draws clutter as a spec's distribution says."""

    def __init__(self, options: Medley, glyphs: Glyphs, sampler: Sampler) -> None:
        self._options = options
        self._glyphs = glyphs
        self._sampler = sampler
        self._kinds: dict[Clutter, Callable[[Scene, Draws], None]] = {
            "lines": _lines,
            "arcs": _arcs,
            "waves": _waves,
            "grid": _grid,
            "dots": _dots,
            "dashes": _dashes,
            "blobs": _blobs,
            "letters": self._letters,
        }

    def add(self, scene: Scene, draws: Draws) -> None:
        """Draw some layers under the text, or over it."""
        low, high = self._options.before if scene.over else self._options.behind
        for _ in range(low + int((high - low + 1) * draws.unit() * draws.unit())):
            self._kinds[draws.weighted(self._options.clutter)](scene, draws)

    def _letters(self, scene: Scene, draws: Draws) -> None:
        """Draw characters that are no part of the text: faint ones, or small ones."""
        width, height = scene.image.size
        font = draws.whole(0, len(self._glyphs) - 1)
        small = draws.chance(0.5)
        for _ in range(draws.whole(1, 4 if scene.over else 10)):
            size = max(6.0, scene.capital * (draws.uniform(0.25, 0.4) if small else draws.uniform(0.5, 1)))
            glyph, scale = self._glyphs.glyph(font, draws.choice(scene.charset)), size / CAPITAL
            piece = posed(glyph, Pose(scale, scale, 0.0, draws.uniform(-40, 40)), self._sampler)
            corner = draws.whole(-piece.width // 2, width), draws.whole(-piece.height // 2, height)
            strength = 0.5 if small and not scene.over else 0.25
            scene.image.paste(scene.palette.any(strength), corner, Image.fromarray(piece.mask))


def _thickness(scene: Scene, draws: Draws) -> int:
    return draws.whole(1, scene.thickest) if draws.chance(0.5) else 1


def _colour(scene: Scene, draws: Draws) -> Colour:
    """Return the text's colour, or one up to the text's distance from the ground, or any beyond."""
    return scene.palette.ink() if draws.chance(0.4) else scene.palette.any()


def _lines(scene: Scene, draws: Draws) -> None:
    width, height = scene.image.size
    brush = ImageDraw.Draw(scene.image)
    colour, own = _colour(scene, draws), draws.chance(0.5)
    across = draws.chance(0.5)
    for _ in range(draws.whole(1, scene.most)):
        ends = _ends(width, height, across, draws)
        brush.line(ends, fill=_colour(scene, draws) if own else colour, width=_thickness(scene, draws))


def _ends(width: int, height: int, across: bool, draws: Draws) -> tuple[int, int, int, int]:
    if across:
        return 0, draws.whole(0, height), width, draws.whole(0, height)
    return draws.whole(0, width), draws.whole(0, height), draws.whole(0, width), draws.whole(0, height)


def _arcs(scene: Scene, draws: Draws) -> None:
    width, height = scene.image.size
    brush = ImageDraw.Draw(scene.image)
    for _ in range(draws.whole(1, min(4, scene.most))):
        x, y = draws.whole(-width // 4, width), draws.whole(-height // 2, height)
        box = x, y, x + draws.whole(height // 4, width), y + draws.whole(height // 4, 2 * height)
        start = draws.whole(0, 359)
        thickness = _thickness(scene, draws)
        brush.arc(box, start, start + draws.whole(60, 300), fill=_colour(scene, draws), width=thickness)


def _waves(scene: Scene, draws: Draws) -> None:
    width, height = scene.image.size
    brush = ImageDraw.Draw(scene.image)
    count = width // _SEGMENT + 2
    for _ in range(draws.whole(1, min(3, scene.most))):
        length = width * draws.uniform(0.2, 1.5) / _SEGMENT
        rise = wave(count, length, draws.unit(), ONE * draws.uniform(0.05, 0.45)) * height // ONE
        middle, slope = draws.whole(0, height), draws.uniform(-0.2, 0.2)
        columns = range(0, count * _SEGMENT, _SEGMENT)
        path = [(x, middle + shift + int(slope * x)) for x, shift in zip(columns, rise.tolist(), strict=True)]
        brush.line(path, fill=_colour(scene, draws), width=_thickness(scene, draws))


def _grid(scene: Scene, draws: Draws) -> None:
    width, height = scene.image.size
    brush = ImageDraw.Draw(scene.image)
    least = max(5, int(scene.capital / 3))
    across, down = draws.whole(least, 3 * least), draws.whole(least, 3 * least)
    colour, lean = _colour(scene, draws), draws.whole(-height // 3, height // 3)
    which = draws.whole(0, 3)
    if which != 0:
        for x in range(draws.whole(0, across) - abs(lean), width + abs(lean), across):
            brush.line((x, 0, x + lean, height), fill=colour)
    if which != 1:
        for y in range(draws.whole(0, down), height, down):
            brush.line((0, y, width, y), fill=colour)


def _dots(scene: Scene, draws: Draws) -> None:
    width, height = scene.image.size
    brush = ImageDraw.Draw(scene.image)
    most = width * height // (60 if scene.over else 25)
    count = draws.whole(5, max(6, min(300, most)))
    spots = grain.points(draws, count, width, height).ravel().tolist()
    if draws.chance(0.6):
        brush.point(spots, fill=_colour(scene, draws))
        return
    size = draws.whole(1, scene.thickest)
    own, colour = draws.chance(0.4), _colour(scene, draws)
    for x, y in zip(spots[: 2 * 40 : 2], spots[1 : 2 * 40 : 2], strict=True):
        brush.ellipse((x, y, x + size, y + size), fill=_colour(scene, draws) if own else colour)


def _dashes(scene: Scene, draws: Draws) -> None:
    """Draw many short lines, of one direction or of all."""
    width, height = scene.image.size
    brush = ImageDraw.Draw(scene.image)
    count = draws.whole(8, min(100, max(9, width * height // (250 if scene.over else 100))))
    spots = grain.points(draws, count, width, height).tolist()
    reach = max(3, int(scene.capital * draws.uniform(0.15, 0.6)))
    turns = (grain.points(draws, count, 2 * reach, 2 * reach) - reach).tolist()
    same, colour, own = draws.chance(0.4), _colour(scene, draws), draws.chance(0.2)
    for (x, y), (dx, dy) in zip(spots, turns, strict=True):
        if same:
            dx, dy = turns[0]  # noqa: PLW2901
        brush.line((x, y, x + dx, y + dy), fill=_colour(scene, draws) if own else colour)


def _blobs(scene: Scene, draws: Draws) -> None:
    width, height = scene.image.size
    brush = ImageDraw.Draw(scene.image)
    reach = scene.capital * (0.2 if scene.over else 0.8)
    for _ in range(draws.whole(1, 3 if scene.over else 6)):
        x, y = draws.whole(0, width), draws.whole(0, height)
        across, down = reach * draws.uniform(0.3, 1), reach * draws.uniform(0.3, 1)
        box = x - across, y - down, x + across, y + down
        if draws.chance(0.6):
            brush.ellipse(box, fill=scene.palette.any(1.0 if scene.over else 0.4))
        else:
            brush.ellipse(box, outline=_colour(scene, draws))
