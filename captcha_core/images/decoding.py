"""Decoding of untrusted images: bounded in bytes and pixels, with errors that name the fault."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageSequence, UnidentifiedImageError

from ..errors import ImageError
from . import quick
from .files import MAX_BYTES, size_from_header
from .pixels import padded
from .resize_rules import STRETCHED, ResizeRule, scaled_size

MAX_PIXELS = 32 << 20
_BLANK = 32  # grey levels: what differs by less is not seen
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")


def decode(
    data: bytes,
    size: tuple[int, int] | None = None,
    *,
    grey: bool = False,
    rule: ResizeRule = STRETCHED,
) -> npt.NDArray[np.uint8]:
    """Decode the first frame of an image.

    Parameters
    ----------
    data
        The bytes of a PNG, JPEG, WebP, GIF or BMP file.
    size
        (width, height) to fit the image to; None keeps its own.
    grey
        One channel (ITU-R 601 luma, as Pillow's mode ``L``) instead of three.
    rule
        How it is fitted.

    Returns
    -------
    uint8 array of shape (H, W, 1) or (H, W, 3). Transparent images are composited over white, and
    over black where nothing would be seen on white.

    Raises
    ------
    ImageError
        When the data is in none of these formats, is damaged, or exceeds `files.MAX_BYTES` or `MAX_PIXELS`.
    """
    return decode_with_size(data, size, grey=grey, rule=rule)[0]


def decode_with_size(
    data: bytes, size: tuple[int, int] | None, *, grey: bool, rule: ResizeRule = STRETCHED
) -> tuple[npt.NDArray[np.uint8], tuple[int, int]]:
    """Decode as `decode` does, and return the image's original size too.

    Returns
    -------
    pixels
        uint8 (H, W, 1) or (H, W, 3).
    original_size
        Width and height before resizing, in pixels.
    """
    expected = size or size_from_header(data)
    if expected and (pixels := _decode_quickly(data, expected, grey=grey)) is not None:
        return pixels, expected
    if size and (fitted := _fit_quickly(data, size, rule, grey=grey)) is not None:
        return fitted
    with open_image(data) as image:
        original_size = image.size
        return _to_array(image, size, "L" if grey else "RGB", rule), original_size


def _decode_quickly(data: bytes, own: tuple[int, int], *, grey: bool) -> npt.NDArray[np.uint8] | None:
    """Decode a plain image of the size `own` at that size; None for all others."""
    if len(data) > MAX_BYTES or own[0] * own[1] > MAX_PIXELS:
        return None
    return quick.decode(data, own, grey=grey)


def _fit_quickly(
    data: bytes, size: tuple[int, int], rule: ResizeRule, *, grey: bool
) -> tuple[npt.NDArray[np.uint8], tuple[int, int]] | None:
    """Decode a plain image of any size and fit it to `size`, with Pillow's pixels; None for all others."""
    own = size_from_header(data)
    if own is None or not all(own):
        return None
    scaled = scaled_size(own, size, rule)
    if min(own[0] // scaled[0], own[1] // scaled[1]) > 1:
        return None  # Pillow decodes a JPEG at a half of its size or less, where that suffices
    pixels = _decode_quickly(data, own, grey=grey)
    if pixels is None:
        return None
    return _fit(Image.fromarray(pixels[:, :, 0] if grey else pixels), scaled, size), own


def read_size(data: bytes) -> tuple[int, int]:
    """Return an image's width and height in pixels, from its header alone.

    Raises
    ------
    ImageError
        As for `decode`, except that damage past the header goes unnoticed.
    """
    with open_image(data) as image:
        return image.size


@contextmanager
def open_image(data: bytes) -> Iterator[Image.Image]:
    if len(data) > MAX_BYTES:
        raise ImageError(f"{len(data):,} bytes: over the limit of {MAX_BYTES:,}")
    try:
        with warnings.catch_warnings():
            # Pillow warns about large images; the check below rejects them before a pixel is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise ImageError(f"{width}×{height} is over the limit of {MAX_PIXELS:,} pixels")
                yield image
    except UnidentifiedImageError:
        raise ImageError("not a PNG, JPEG, WebP, GIF or BMP image") from None
    except Image.DecompressionBombError:
        raise ImageError(f"over the limit of {MAX_PIXELS:,} pixels") from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise ImageError(f"damaged image: {error or type(error).__name__}") from None


def _to_array(
    image: Image.Image, size: tuple[int, int] | None, mode: str, rule: ResizeRule
) -> npt.NDArray[np.uint8]:
    scaled = scaled_size(image.size, size, rule) if size else None
    if scaled and image.format == "JPEG":
        image.draft(mode, scaled)
    frame = _opaque(_of_eight_bits(next(ImageSequence.Iterator(image))))
    if frame.mode != mode:
        frame = frame.convert(mode)
    return _fit(frame, scaled or frame.size, size or frame.size)


def _fit(frame: Image.Image, scaled: tuple[int, int], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Scale an image of mode ``L`` or ``RGB``, and pad it to `size`."""
    if frame.size != scaled:
        frame = frame.resize(scaled, Image.Resampling.BILINEAR)
    array = np.asarray(frame)
    return padded(array[:, :, None] if array.ndim == 2 else array, size)


def _of_eight_bits(frame: Image.Image) -> Image.Image:
    """Return grey levels of 16 bits by their upper eight, which Pillow would cut off at 255."""
    if not frame.mode.startswith("I"):
        return frame
    levels = np.asarray(frame)
    grey = Image.fromarray((levels >> 8).astype(np.uint8))
    if "transparency" in frame.info:
        alpha = np.where(levels == frame.info["transparency"], 0, 255).astype(np.uint8)
        return Image.merge("LA", (grey, Image.fromarray(alpha)))
    return grey


def _opaque(frame: Image.Image) -> Image.Image:
    """Lay a transparent image over white; one for dark pages, blank on white, over black."""
    if frame.mode not in ("RGBA", "LA", "PA") and "transparency" not in frame.info:
        return frame
    foreground = frame.convert("RGBA")
    on_white = _over(foreground, "white")
    if _contrast(on_white) < _BLANK <= _contrast(foreground.getchannel("A")):
        return _over(foreground, "black")
    return on_white


def _over(foreground: Image.Image, colour: str) -> Image.Image:
    background = Image.new("RGBA", foreground.size, colour)
    return Image.alpha_composite(background, foreground).convert("RGB")


def _contrast(image: Image.Image) -> int:
    """Return the difference between the darkest and the lightest pixel, in grey levels."""
    grey = np.asarray(image.convert("L"))
    return int(grey.max()) - int(grey.min())
