"""The engine that needs Pillow only: upstream's calls without the redundant ones.

It follows `captcha.image.ImageCaptcha` (lepture/captcha, BSD) call by call. Left out are
calls that cannot change a pixel: measuring and drawing a character that was drawn before,
rendering blank glyphs, and the canvas that a text wider than the image starts from.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ..spec import Spec
from .glyphs import Typefaces, min_visible_coverage
from .randomness import Draws, Words
from .renderer import Images, LeptureRenderer, check_texts, output_array

_OPACITY_TABLE = np.array([min(255, int(i * 1.97)) for i in range(256)], np.uint8)
_MAX_MASKS = 20_000
_SMOOTH = ImageFilter.SMOOTH()

Colour = tuple[int, int, int, int]


@dataclasses.dataclass(frozen=True)
class _Piece:
    """A warped glyph and its size in pixels; its image is None if it is blank."""

    width: int
    height: int
    image: Image.Image | None


class PillowRenderer(LeptureRenderer):
    """The pixels of the library ``captcha``, drawn by Pillow."""

    engine = "pillow"

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._typefaces = Typefaces(spec)
        self._faces = len(self._typefaces)
        self._masks: dict[tuple[int, str, int, int, int], Image.Image | None] = {}

    def render(self, labels: Sequence[str], words: Words, out: Images | None = None) -> Images:
        check_texts(self.spec, labels, words)
        images = output_array(self.spec, len(labels), out)
        for image, text, row in zip(images, labels, words, strict=True):
            image[...] = np.asarray(self._draw_image(text, Draws(row)))
        return images

    def _draw_image(self, text: str, draws: Draws) -> Image.Image:
        look = self.spec.look
        background = look.background or _random_colour(draws, 238, 255)
        opacity = draws.randbelow(36) + 220
        random_colour = (*_random_colour(draws, 10, 200), opacity)
        colour = look.colour or random_colour
        image = self._draw_text(text, colour, background, draws)
        brush = ImageDraw.Draw(image)
        self._draw_dots(brush, colour, draws)
        if look.noise_curve:
            self._draw_curve(brush, colour, draws)
        return image.filter(_SMOOTH)

    def _draw_text(
        self, text: str, colour: Colour, background: tuple[int, int, int], draws: Draws
    ) -> Image.Image:
        spec = self.spec
        pieces: list[_Piece] = []
        for character in text:
            if draws.randbits(32) / 2**32 > spec.look.word_space_probability:
                pieces.append(self._draw_piece(" ", colour, draws))
            pieces.append(self._draw_piece(character, colour, draws))
        text_width = sum(piece.width for piece in pieces)
        canvas = Image.new("RGB", (max(text_width, spec.width), spec.height), background)
        average = int(text_width / len(text))
        slack = int(spec.look.word_offset_dx * average)
        offset = int(average * 0.1)
        for piece in pieces:
            if piece.image is not None:
                # `Image.point` would compute the table's 256 entries again for every glyph.
                mask = Image.fromarray(_OPACITY_TABLE[np.asarray(piece.image.convert("L"))])
                canvas.paste(piece.image, (offset, int((spec.height - piece.height) / 2)), mask)
            offset += piece.width - draws.randbelow(slack + 1)
        return canvas if canvas.width == spec.width else canvas.resize((spec.width, spec.height))

    def _draw_piece(self, character: str, colour: Colour, draws: Draws) -> _Piece:
        look = self.spec.look
        face = draws.randbelow(self._faces)
        glyph = self._typefaces.glyph(face, character)
        dx = _random_between(draws, *look.character_offset_dx)
        dy = _random_between(draws, *look.character_offset_dy)
        low, high = look.character_rotate
        angle = low + draws.randbits(32) / 2**32 * (high - low)
        w, h = glyph.width, glyph.height
        dx2 = _random_shift(draws, w, *look.character_warp_dx)
        dy2 = _random_shift(draws, h, *look.character_warp_dy)
        x1, y1, x2, y2 = (int(draws.randbits(32) / 2**32 * (d - -d) + -d) for d in (dx2, dy2, dx2, dy2))
        mask = self._mask(face, character, dx, dy, min_visible_coverage(colour[3]))
        if mask is None:
            return _Piece(int(w), int(h), None)
        image = Image.new("RGBA", mask.size)
        image.paste(colour, None, mask)
        w2, h2 = w + abs(x1) + abs(x2), h + abs(y1) + abs(y2)
        corners = (x1, y1, -x1, h2 - y2, w2 + x2, h2 + y2, w2 - x2, -y1)
        image = image.rotate(angle, Image.Resampling.BILINEAR, expand=True).resize((int(w2), int(h2)))
        return _Piece(int(w), int(h), image.transform((int(w), int(h)), Image.Transform.QUAD, corners))

    def _mask(self, face: int, character: str, dx: int, dy: int, min_coverage: int) -> Image.Image | None:
        """Return the cropped mask that upstream pastes with; None if it is blank."""
        key = face, character, dx, dy, min_coverage
        if key not in self._masks:
            if len(self._masks) >= _MAX_MASKS:
                self._masks.clear()
                self._typefaces.forget()
            mask = self._typefaces.glyph(face, character).clipped_mask(dx, dy, min_coverage)
            self._masks[key] = Image.fromarray(mask) if mask.size else None
        return self._masks[key]

    def _draw_dots(self, brush: ImageDraw.ImageDraw, colour: Colour, draws: Draws) -> None:
        for _ in range(self.spec.look.noise_dots):
            x = draws.randbelow(self.spec.width + 1)
            y = draws.randbelow(self.spec.height + 1)
            brush.line(((x, y), (x - 1, y - 1)), fill=colour, width=self.spec.look.noise_dot_width)

    def _draw_curve(self, brush: ImageDraw.ImageDraw, colour: Colour, draws: Draws) -> None:
        w, h = self.spec.width, self.spec.height
        x1 = draws.randbelow(w // 5 + 1)
        x2 = draws.randbelow(w - w // 5 + 1) + w // 5
        y1 = draws.randbelow(h - 2 * (h // 5) + 1) + h // 5
        y2 = draws.randbelow(h - y1 - h // 5 + 1) + y1
        end = draws.randbelow(41) + 160
        start = draws.randbelow(21)
        brush.arc((x1, y1, x2, y2), start, end, fill=colour)


def _random_colour(draws: Draws, low: int, high: int) -> tuple[int, int, int]:
    span = high - low + 1
    return draws.randbelow(span) + low, draws.randbelow(span) + low, draws.randbelow(span) + low


def _random_between(draws: Draws, low: int, high: int) -> int:
    return draws.randbelow(high - low + 1) + low


def _random_shift(draws: Draws, size: float, low: float, high: float) -> float:
    return size * (draws.randbits(32) / 2**32) * (high - low) + low
