"""Backgrounds: how far each pixel is from one colour of the ground to the other."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...spec.medley import Medley
from . import grain
from .colours import Palette
from .draws import Draws

Field = npt.NDArray[np.uint8]


def ground(size: tuple[int, int], options: Medley, palette: Palette, draws: Draws) -> Image.Image:
    """Return the image that everything is drawn on, "L" or "RGB"."""
    low, high = palette.ground
    kind = draws.weighted(options.grounds)
    mode = "L" if palette.grey else "RGB"
    image = Image.new(mode, size, palette.colour(high if draws.chance(0.5) else low))
    if kind == "flat":
        return image
    field = {"gradient": _gradient, "cloudy": _cloudy, "textured": _textured}[kind](size, draws)
    other = palette.colour(low if draws.chance(0.5) else high)
    image.paste(other, (0, 0), Image.fromarray(field))
    return image


def regions(size: tuple[int, int], capital: float, draws: Draws) -> Field:
    """Return 255 in some regions of the image and 0 elsewhere, each larger than a letter's strokes."""
    if draws.chance(0.5):
        return _halves(_gradient(size, draws))
    x, y = _axes(size)
    cell = max(4, round(capital * draws.uniform(0.8, 2)))
    lean = draws.whole(-16, 16)
    if draws.chance(0.5):
        return ((x // cell + y // cell & 1) * 255).astype(np.uint8)
    return (((16 * x + lean * y) // (16 * cell) & 1) * 255).astype(np.uint8)


def _halves(field: Field) -> Field:
    return np.where(field > 127, np.uint8(255), np.uint8(0))


def _gradient(size: tuple[int, int], draws: Draws) -> Field:
    x, y = _axes(size)
    if draws.chance(0.25):
        x, y = x - draws.whole(0, size[0] - 1), y - draws.whole(0, size[1] - 1)
        return _stretched(x * x + y * y)
    return _stretched(x * draws.whole(-16, 16) + y * draws.whole(-16, 16))


def _cloudy(size: tuple[int, int], draws: Draws) -> Field:
    cell = draws.uniform(0.15, 0.8) * size[1]
    columns, rows = max(2, round(size[0] / cell)), max(2, round(size[1] / cell))
    seeds = grain.even(draws, columns * rows).reshape(rows, columns)
    return np.asarray(Image.fromarray(seeds).resize(size, Image.Resampling.BICUBIC))


def _textured(size: tuple[int, int], draws: Draws) -> Field:
    field = draws.choice((_stripes, _checks, _grained, _ruled))(size, draws)
    strength = draws.whole(60, 255)
    faint: Field = (field.astype(np.uint16) * strength >> 8).astype(np.uint8)
    return faint


def _stripes(size: tuple[int, int], draws: Draws) -> Field:
    """Return a triangle wave in any direction."""
    x, y = _axes(size)
    steps = x * draws.whole(-60, 60) + y * draws.whole(-60, 60)
    wave = np.abs((steps & 511) - 256)
    if draws.chance(0.5):
        return np.where(wave > 128, np.uint8(255), np.uint8(0))
    levels: Field = np.minimum(wave, 255).astype(np.uint8)
    return levels


def _checks(size: tuple[int, int], draws: Draws) -> Field:
    x, y = _axes(size)
    cell = draws.whole(2, 12)
    return ((x // cell + y // cell & 1) * 255).astype(np.uint8)


def _grained(size: tuple[int, int], draws: Draws) -> Field:
    cell = draws.whole(1, 3)
    columns, rows = -(-size[0] // cell), -(-size[1] // cell)
    seeds = grain.even(draws, columns * rows).reshape(rows, columns)
    return np.ascontiguousarray(seeds.repeat(cell, 0).repeat(cell, 1)[: size[1], : size[0]])


def _ruled(size: tuple[int, int], draws: Draws) -> Field:
    x, y = _axes(size)
    across, down = draws.whole(3, 14), draws.whole(3, 14)
    lines = (x % across == 0) | (y % down == 0)
    return np.where(lines, np.uint8(255), np.uint8(0))


def _axes(size: tuple[int, int]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    return np.arange(size[0], dtype=np.int32), np.arange(size[1], dtype=np.int32)[:, None]


def _stretched(levels: npt.NDArray[np.int32]) -> Field:
    low = int(levels.min())
    span = max(1, int(levels.max()) - low)
    shift = max(0, span.bit_length() - 16)  # 255 times that stays within int32
    field: Field = ((levels - low >> shift) * 255 // max(1, span >> shift)).clip(0, 255).astype(np.uint8)
    return field
