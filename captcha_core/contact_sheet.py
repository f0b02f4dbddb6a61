"""Contact sheets: many small images on one, each with its text below."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from . import fonts

_GAP = 8
_CAPTION = 20
_INK = (40, 40, 40)


def contact_sheet(
    images: Sequence[npt.NDArray[np.uint8]], captions: Sequence[str], columns: int | None = None
) -> Image.Image:
    """Lay images out in rows.

    Parameters
    ----------
    images
        uint8 arrays of shape (H, W, 1 or 3), of any sizes.
    captions
        One for each image, drawn below it.
    columns
        Images in a row; chosen for a sheet about as wide as it is high when absent.
    """
    height = max(image.shape[0] for image in images) + _CAPTION + _GAP
    width = max(image.shape[1] for image in images) + _GAP
    columns = min(len(images), columns or max(1, round(math.sqrt(len(images) * height / width))))
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(str(fonts.find(fonts.BUILT_IN)), 14)
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = _GAP + number % columns * width, _GAP + number // columns * height
        sheet.paste(Image.fromarray(image.squeeze()), (x, y))
        draw.text(
            (x + image.shape[1] / 2, y + image.shape[0] + 2), caption, fill=_INK, font=font, anchor="ma"
        )
    return sheet
