"""Contact sheets: many small images on one, each with its text below."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ..spec import fonts

Ink = tuple[int, int, int]

_GAP = 8
_LINE = 20
_INK: Ink = (40, 40, 40)


class Run(NamedTuple):
    """A stretch of a caption's line in one ink."""

    text: str
    ink: Ink = _INK


Caption = str | Sequence[Sequence[Run]]
"""One line of text, or lines of runs."""


def contact_sheet(
    images: Sequence[npt.NDArray[np.uint8]], captions: Sequence[Caption], columns: int | None = None
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
    texts = [[[Run(each)]] if isinstance(each, str) else each for each in captions]
    height = max(image.shape[0] for image in images) + _LINE * max(map(len, texts)) + _GAP
    width = max(image.shape[1] for image in images) + _GAP
    columns = min(len(images), columns or max(1, round(math.sqrt(len(images) * height / width))))
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(str(fonts.find(fonts.BUILT_IN)), 14)
    for number, (image, lines) in enumerate(zip(images, texts, strict=True)):
        x, y = _GAP + number % columns * width, _GAP + number // columns * height
        sheet.paste(Image.fromarray(image.squeeze()), (x, y))
        for place, line in enumerate(lines):
            _write(draw, font, line, x + image.shape[1] / 2, y + image.shape[0] + 2 + place * _LINE)
    return sheet


def _write(
    draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont, line: Sequence[Run], middle: float, top: float
) -> None:
    """Draw a line's runs one after the other, centred as a whole; zeros get a slash to tell them from O."""
    x = middle - sum(font.getlength(run.text) for run in line) / 2
    for run in line:
        for character in run.text:
            draw.text((x, top), character, fill=run.ink, font=font, anchor="la")
            if character == "0":
                left, upper, right, lower = draw.textbbox((x, top), character, font=font, anchor="la")
                draw.line((left + 2, lower - 3, right - 3, upper + 2), fill=run.ink)
            x += font.getlength(character)
