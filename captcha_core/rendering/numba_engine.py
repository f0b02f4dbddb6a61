"""The compiled engine: whole batches without Python in between."""

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from ..spec import Spec
from . import buffers, machine_code
from .atlas import MASK_BYTES, Atlas, Bounds
from .glyphs import Typefaces
from .kernels import draws, picture, piece
from .kernels.records import SPACE, Parameters, Scratch, Tables
from .pillow import PillowRenderer
from .randomness import Words
from .renderer import Images, LeptureRenderer, check_texts, output_array

_CHUNK = 256  # images drawn by one call of the kernel


class NumbaRenderer(LeptureRenderer):
    """The pixels of the library ``captcha``, drawn by compiled kernels.

    Images with a glyph at exactly 90, 180 or 270 degrees, which Pillow transposes instead
    of rotating, are left to the Pillow engine.

    Parameters
    ----------
    mask_bytes
        Bytes of glyph masks to keep; beyond them, masks are dropped and drawn again when needed.
    """

    engine = "numba"

    def __init__(self, spec: Spec, *, mask_bytes: int = MASK_BYTES) -> None:
        super().__init__(spec)
        self._typefaces = Typefaces(spec)
        self._parameters = _parameters(spec, len(self._typefaces))
        self._code_of = {" ": SPACE}
        self._atlas = Atlas(len(self._typefaces), mask_bytes)
        self._scratch: Scratch | None = None
        self._scratch_sizes = Bounds(), 0, 0
        self._pillow: PillowRenderer | None = None
        for character in spec.charset:
            self._code(character)

    def render(self, labels: Sequence[str], words: Words, out: Images | None = None) -> Images:
        check_texts(self.spec, labels, words)
        images = output_array(self.spec, len(labels), out)
        for start in range(0, len(labels), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            self._render(labels[chunk], np.ascontiguousarray(words[chunk]), images[chunk])
        return images

    def _render(self, labels: Sequence[str], words: Words, out: Images) -> None:
        codes = self._codes(labels)
        widest = self._prepare(words, codes)
        scratch = self._scratch_for(widest, codes.shape[1])
        outcome = np.empty(len(labels), np.uint8)
        picture.paint(
            words,
            codes,
            self._parameters,
            self._atlas.glyphs,
            _TABLES,
            scratch,
            out.reshape(len(out), -1),
            outcome,
        )
        machine_code.mark_compiled()
        for index in np.flatnonzero(outcome).tolist():
            if self._pillow is None:
                self._pillow = PillowRenderer(self.spec)
            out[index] = self._pillow.draw(labels[index], words[index])

    def _code(self, character: str) -> int:
        """Return the code of a character in the atlas, a new one if it has none."""
        return self._code_of.setdefault(character, len(self._code_of))

    def _codes(self, labels: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the codes of texts: int64 (N, longest text), -1 past a text's end."""
        codes = np.full((len(labels), max(map(len, labels))), -1, np.int64)
        for row, text in zip(codes, labels, strict=True):
            row[: len(text)] = [self._code(c) for c in text]
        return codes

    def _prepare(self, words: Words, codes: npt.NDArray[np.int64]) -> int:
        """Add the glyphs that the texts need to the atlas; return the width of the widest text in pixels."""
        self._atlas.widen(len(self._code_of))
        if self._atlas.full:
            self._atlas.clear()
        needed = np.zeros(self._atlas.glyphs.slots.shape, np.uint8)
        widest = draws.find_missing_glyphs(words, codes, self._parameters, self._atlas.glyphs, needed)
        if not needed.any():
            return widest
        characters = list(self._code_of)
        glyphs = [
            (int(face), int(code), self._typefaces.glyph(int(face), characters[code]))
            for face, code in np.argwhere(needed)
        ]
        self._typefaces.forget()
        self._atlas.add(glyphs)
        return draws.find_missing_glyphs(words, codes, self._parameters, self._atlas.glyphs, needed)

    def _scratch_for(self, widest: int, max_length: int) -> Scratch:
        bounds, canvas_width = self._atlas.bounds, max(widest, self.spec.width)
        bounds_before, width_before, length_before = self._scratch_sizes
        if (
            self._scratch is None
            or bounds != bounds_before
            or canvas_width > width_before
            or max_length > length_before
        ):
            self._scratch_sizes = bounds, max(canvas_width, width_before), max(max_length, length_before)
            self._scratch = buffers.allocate_scratch(self.spec, *self._scratch_sizes)
        return self._scratch


@functools.cache
def agrees() -> bool:
    """Return whether both engines draw the same here, on a few images and orders of resizing."""
    look = {"font_sizes": (30, 56), "character_rotate": (-70, 70)}
    spec = Spec.make(width=120, height=50, lengths=(1, 6), charset="W^*jÅg@", look=look)
    compiled, _ = NumbaRenderer(spec).batch(0, 0, 0, 12)
    reference, _ = PillowRenderer(spec).batch(0, 0, 0, 12)
    same_orders = all(
        _pillow_resizes_vertically_first(*sizes)
        == (_may_resize_vertically_first() and piece.vertical_pass_first(*sizes))
        for sizes in ((60, 120, 50, 99), (60, 120, 50, 101), (40, 50, 50, 49), (40, 50, 50, 60))
    )
    return same_orders and bool(np.array_equal(compiled, reference))


@functools.cache
def _may_resize_vertically_first() -> bool:
    """Return whether this Pillow may run the vertical pass first; see `piece.vertical_pass_first`."""
    return _pillow_resizes_vertically_first(40, 50, 60, 40)


def _pillow_resizes_vertically_first(w: int, h: int, w2: int, h2: int) -> bool:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (h, w), np.uint8))
    return noise.resize((w2, h2)).tobytes() == noise.resize((w, h2)).resize((w2, h2)).tobytes()


def _parameters(spec: Spec, faces: int) -> Parameters:
    look = spec.look
    return Parameters(
        spec.width,
        spec.height,
        faces,
        look.character_offset_dx,
        look.character_offset_dy,
        _floats(look.character_rotate),
        _floats(look.character_warp_dx),
        _floats(look.character_warp_dy),
        float(look.word_space_probability),
        float(look.word_offset_dx),
        look.noise_dots,
        look.noise_curve,
        look.background or (-1, -1, -1),
        look.colour or (-1, -1, -1, -1),
        _stamp(look.noise_dot_width),
        _may_resize_vertically_first(),
    )


def _floats(pair: tuple[float, float]) -> tuple[float, float]:
    # Integers are another type, for which numba would compile everything again.
    return float(pair[0]), float(pair[1])


def _stamp(width: int) -> npt.NDArray[np.int64]:
    """Return int64 (pixels, 2): x and y offsets of a dot's pixels, as Pillow draws it anywhere."""
    centre = 2 * width + 4
    image = Image.new("L", (2 * centre, 2 * centre))
    ImageDraw.Draw(image).line(((centre, centre), (centre - 1, centre - 1)), fill=1, width=width)
    down, across = np.nonzero(np.asarray(image))
    return np.stack([across, down], 1).astype(np.int64) - centre


def _tables() -> Tables:
    """Tabulate ``rgbA2rgba`` and ``rgba2rgbA`` (un- and premultiplication) of Pillow's Convert.c."""
    alpha, value = np.divmod(np.arange(65536), 256)
    straight = np.minimum(255 * value // np.maximum(alpha, 1), 255)
    straight = np.where((alpha == 0) | (alpha == 255), value, straight)
    product = straight * alpha + 128
    round_trip = ((product >> 8) + product) >> 8
    return Tables(straight.astype(np.uint8), round_trip.astype(np.uint8))


_TABLES = _tables()
