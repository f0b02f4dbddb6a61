"""Contact sheets: a grid of small images, each with a caption below."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ..spec import fonts

Colour = tuple[int, int, int]

_GAP = 8  # pixels between images
_LINE = 20  # pixels of height of a line of a caption
_TEXT_COLOUR: Colour = (40, 40, 40)


class Span(NamedTuple):
    """A part of a caption's line in one colour."""

    text: str
    colour: Colour = _TEXT_COLOUR


Caption = str | Sequence[Sequence[Span]]
"""One line of text, or lines of spans."""


def contact_sheet(
    images: Sequence[npt.NDArray[np.uint8]], captions: Sequence[Caption], columns: int | None = None
) -> Image.Image:
    """Arrange images in a grid, row by row.

    Parameters
    ----------
    images
        uint8 arrays of shape (H, W, 1 or 3), of any sizes.
    captions
        One for each image, drawn below it.
    columns
        Images in a row; None makes the sheet about as wide as it is high.
    """
    blocks = [[[Span(caption)]] if isinstance(caption, str) else caption for caption in captions]
    height = max(image.shape[0] for image in images) + _LINE * max(map(len, blocks)) + _GAP
    width = max(image.shape[1] for image in images) + _GAP
    columns = min(len(images), columns or max(1, round(math.sqrt(len(images) * height / width))))
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), "white")
    brush = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(str(fonts.find(fonts.BUILT_IN)), 14)
    for index, (image, lines) in enumerate(zip(images, blocks, strict=True)):
        x, y = _GAP + index % columns * width, _GAP + index // columns * height
        sheet.paste(Image.fromarray(image.squeeze()), (x, y))
        for line_number, line in enumerate(lines):
            _draw_line(
                brush, font, line, x + image.shape[1] / 2, y + image.shape[0] + 2 + line_number * _LINE
            )
    return sheet


def _draw_line(
    brush: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont, line: Sequence[Span], centre: float, top: float
) -> None:
    """Draw a line of spans, centred; a zero gets a slash, which tells it from an O."""
    x = centre - sum(font.getlength(span.text) for span in line) / 2
    for span in line:
        for character in span.text:
            brush.text((x, top), character, fill=span.colour, font=font, anchor="la")
            if character == "0":
                left, upper, right, lower = brush.textbbox((x, top), character, font=font, anchor="la")
                brush.line((left + 2, lower - 3, right - 3, upper + 2), fill=span.colour)
            x += font.getlength(character)
