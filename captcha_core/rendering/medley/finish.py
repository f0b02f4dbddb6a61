"""What befalls an image once it is drawn: noise, blur, compression, and its final size."""

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from ...spec.medley import Medley
from . import grain
from .draws import Draws
from .sampling import Sampler

Pixels = npt.NDArray[np.uint8]

_BLURRED_STROKE = 1.8
"""Strokes thinner than so many pixels are not blurred."""
_FILTERS = {Image.Resampling.BILINEAR: 7.0, Image.Resampling.BICUBIC: 2.0, Image.Resampling.BOX: 1.0}


def worn(pixels: Pixels, options: Medley, contrast: float, stroke: float, draws: Draws) -> Pixels:
    """Return the image after noise, blur, compression and the like.

    Parameters
    ----------
    pixels
        uint8 of shape (height, width) or (height, width, 3).
    contrast, stroke
        Least difference of ink and ground in grey levels, and width of the thinnest
        strokes in pixels: what bounds the damage.
    """
    first_blur = draws.chance(0.5)
    blurred = draws.chance(options.blur) and stroke >= _BLURRED_STROKE
    if blurred and first_blur:
        pixels = _blurred(pixels, stroke, draws)
    if draws.chance(options.noise):
        pixels = _noisy(pixels, contrast * draws.uniform(0.03, min(0.3, 0.06 + 0.06 * stroke)), draws)
    if draws.chance(options.pepper):
        pixels = _peppered(pixels, stroke, draws)
    if blurred and not first_blur:
        pixels = _blurred(pixels, stroke, draws)
    if draws.chance(options.jpeg):
        pixels = _compressed(pixels, draws.whole(*options.jpeg_quality))
    return pixels


def _noisy(pixels: Pixels, deviation: float, draws: Draws) -> Pixels:
    strength = np.int16(round(deviation * 256 / grain.DEVIATION))
    if pixels.ndim == 3 and draws.chance(0.5):
        noise = grain.normal(draws, pixels.size).reshape(pixels.shape)
    else:
        noise = grain.normal(draws, pixels.shape[0] * pixels.shape[1]).reshape(pixels.shape[:2])
        noise = noise[..., None] if pixels.ndim == 3 else noise
    return np.clip(pixels + (noise * strength >> 8), 0, 255).astype(np.uint8)


def _peppered(pixels: Pixels, stroke: float, draws: Draws) -> Pixels:
    height, width = pixels.shape[:2]
    sparse = max(1.0, 3 / stroke) * draws.uniform(20, 100)
    spots = grain.points(draws, int(height * width / sparse), width, height)
    pixels = pixels.copy()
    pixels[spots[:, 1], spots[:, 0]] = draws.choice((0, 0, 255))
    return pixels


def _blurred(pixels: Pixels, stroke: float, draws: Draws) -> Pixels:
    for _ in range(draws.whole(1, max(1, int(stroke / 2)))):
        pixels = _smoothed(_smoothed(pixels, 0), 1)
    return pixels


def _smoothed(pixels: Pixels, axis: int) -> Pixels:
    """Mix each pixel with its two neighbours along an axis, a quarter of each."""
    lines = np.moveaxis(pixels.astype(np.uint16), axis, 0)
    mixed = 2 * lines + 2
    mixed[1:] += lines[:-1]
    mixed[:-1] += lines[1:]
    mixed[0] += lines[0]
    mixed[-1] += lines[-1]
    return np.moveaxis((mixed >> 2).astype(np.uint8), 0, axis)


def _compressed(pixels: Pixels, quality: int) -> Pixels:
    grey = pixels.ndim == 2
    data = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels[..., None] if grey else pixels),
        quality,
        colorspace="GRAY" if grey else "RGB",
        colorsubsampling="Gray" if grey else "420",
        fastdct=False,
    )
    mode = "GRAY" if grey else "RGB"
    decoded: Pixels = simplejpeg.decode_jpeg(data, mode, fastdct=False, fastupsample=False)
    return decoded[..., 0] if grey else decoded


def fit(pixels: Pixels, options: Medley, sampler: Sampler, draws: Draws, out: Pixels) -> None:
    """Fit an image to the spec's width and height.

    Parameters
    ----------
    out
        uint8 of shape (height, width, 3), filled in.
    """
    height, width = out.shape[:2]
    resampling = draws.weighted(_FILTERS)
    larger = pixels.shape[0] <= height and pixels.shape[1] <= width
    if options.fit == "stretch" and larger and resampling == Image.Resampling.BILINEAR:
        sampler.enlarged(np.ascontiguousarray(pixels.reshape(*pixels.shape[:2], -1)), out)
        return
    image = Image.fromarray(pixels)
    if options.fit == "stretch":
        _copy(image.resize((width, height), resampling), out)
        return
    scale = min(width / image.width, height / image.height)
    inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    framed = Image.new(image.mode, (width, height), image.getpixel((0, 0)))
    framed.paste(image.resize(inner, resampling), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    _copy(framed, out)


def _copy(image: Image.Image, out: Pixels) -> None:
    pixels = np.asarray(image)
    if pixels.ndim == 3:
        out[:] = pixels
        return
    for channel in range(3):  # one assignment for all three takes six times as long
        out[..., channel] = pixels
