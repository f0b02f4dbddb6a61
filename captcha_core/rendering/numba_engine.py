"""The compiled engine: whole batches without Python in between."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from ..randomness import Words
from ..spec import Spec
from . import machine_code
from .glyphs import Glyph, Typefaces
from .pillow import PillowRenderer
from .renderer import Images, LeptureRenderer, check_texts, room_for

with machine_code.kept():
    from .kernels import noise, picture, resampling, smoothing
    from .kernels.picture import METRICS, Glyphs, Knobs, Scratch, Tables

_CHUNK = 256
_MOST_MASK_BYTES = 256 << 20


class NumbaRenderer(LeptureRenderer):
    """Upstream's pixels from compiled arithmetic.

    Images with a glyph at exactly 90, 180 or 270 degrees, which Pillow transposes instead
    of rotating, are left to the Pillow engine.
    """

    engine = "numba"

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._typefaces = Typefaces(spec)
        self._knobs = _knobs(spec, len(self._typefaces))
        self._alphabet = {" ": picture.SPACE}
        self._store = _Store(len(self._typefaces))
        self._scratch: Scratch | None = None
        self._scratch_for = (0, 0, 0)
        self._pillow: PillowRenderer | None = None
        for character in spec.charset:
            self._code(character)

    def render(self, labels: Sequence[str], words: Words, out: Images | None = None) -> Images:
        check_texts(self.spec, labels, words)
        images = room_for(self.spec, len(labels), out)
        for start in range(0, len(labels), _CHUNK):
            part = slice(start, start + _CHUNK)
            self._render(labels[part], np.ascontiguousarray(words[part]), images[part])
        return images

    def _render(self, labels: Sequence[str], words: Words, out: Images) -> None:
        codes = self._codes(labels)
        widest = self._prepare(words, codes)
        scratch = self._scratch_of(widest, codes.shape[1])
        outcome = np.empty(len(labels), np.uint8)
        picture.paint(
            words,
            codes,
            self._knobs,
            self._store.glyphs,
            _TABLES,
            scratch,
            out.reshape(len(out), -1),
            outcome,
        )
        machine_code.mark_ready()
        for place in np.flatnonzero(outcome).tolist():
            if self._pillow is None:
                self._pillow = PillowRenderer(self.spec)
            out[place] = self._pillow.draw(labels[place], words[place])

    def _code(self, character: str) -> int:
        return self._alphabet.setdefault(character, len(self._alphabet))

    def _codes(self, labels: Sequence[str]) -> npt.NDArray[np.int64]:
        codes = np.full((len(labels), max(map(len, labels))), -1, np.int64)
        for row, text in zip(codes, labels, strict=True):
            row[: len(text)] = [self._code(c) for c in text]
        return codes

    def _prepare(self, words: Words, codes: npt.NDArray[np.int64]) -> int:
        """Draw the glyphs that are missing; return the width of the widest text."""
        self._store.widen(len(self._alphabet))
        if self._store.size > _MOST_MASK_BYTES:
            self._store.clear()
        needed = np.zeros(self._store.glyphs.slots.shape, np.uint8)
        widest = picture.survey(words, codes, self._knobs, self._store.glyphs, needed)
        if not needed.any():
            return widest
        characters = list(self._alphabet)
        drawn = [
            (int(face), int(code), self._typefaces.glyph(int(face), characters[code]))
            for face, code in np.argwhere(needed)
        ]
        self._typefaces.forget()
        self._store.add(drawn)
        return picture.survey(words, codes, self._knobs, self._store.glyphs, needed)

    def _scratch_of(self, widest: int, longest: int) -> Scratch:
        glyphs, page = len(self._store.glyphs.table), max(widest, self.spec.width)
        known_glyphs, known_page, known_longest = self._scratch_for
        if self._scratch is None or glyphs != known_glyphs or page > known_page or longest > known_longest:
            self._scratch_for = glyphs, max(page, known_page), max(longest, known_longest)
            self._scratch = _scratch(self.spec, self._store.glyphs.table, *self._scratch_for[1:])
        return self._scratch


class _Store:
    """Masks for the kernels, grown as they are needed."""

    def __init__(self, faces: int) -> None:
        self._faces = faces
        self._codes = 1
        self.clear()

    def clear(self) -> None:
        self.glyphs = Glyphs(
            np.full((self._faces, self._codes), -1, np.int64),
            np.zeros((0, METRICS), np.int64),
            np.zeros(1, np.uint8),
        )

    @property
    def size(self) -> int:
        return self.glyphs.masks.nbytes

    def widen(self, codes: int) -> None:
        """Make room for codes under `codes`."""
        missing = codes - self._codes
        if missing > 0:
            slots = np.pad(self.glyphs.slots, ((0, 0), (0, missing)), constant_values=-1)
            self.glyphs = self.glyphs._replace(slots=slots)
            self._codes = codes

    def add(self, drawn: Sequence[tuple[int, int, Glyph]]) -> None:
        start = self.size
        table: list[tuple[int, ...]] = []
        masks: list[npt.NDArray[np.uint8]] = []
        for face, code, glyph in drawn:
            self.glyphs.slots[face, code] = len(self.glyphs.table) + len(table)
            rows, columns = glyph.mask.shape
            table.append((start, columns, rows, glyph.left, glyph.top, int(glyph.width), int(glyph.height)))
            if columns:
                masks.append(np.pad(glyph.mask, 1, mode="edge").ravel())
                start += len(masks[-1])
        self.glyphs = self.glyphs._replace(
            table=np.concatenate([self.glyphs.table, np.array(table, np.int64)]),
            masks=np.concatenate([self.glyphs.masks, *masks]),
        )


def _knobs(spec: Spec, faces: int) -> Knobs:
    look = spec.look
    return Knobs(
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
    )


def _floats(pair: tuple[float, float]) -> tuple[float, float]:
    # Whole numbers would make numba compile everything again for another type.
    return float(pair[0]), float(pair[1])


def _stamp(width: int) -> npt.NDArray[np.int64]:
    """Return the offsets of a dot's pixels, as Pillow draws it: the same everywhere."""
    middle = 2 * width + 4
    image = Image.new("L", (2 * middle, 2 * middle))
    ImageDraw.Draw(image).line(((middle, middle), (middle - 1, middle - 1)), fill=1, width=width)
    down, across = np.nonzero(np.asarray(image))
    return np.stack([across, down], 1).astype(np.int64) - middle


def _tables() -> Tables:
    """Tabulate ``rgbA2rgba`` and ``rgba2rgbA`` of Pillow's Convert.c."""
    alpha, value = np.divmod(np.arange(65536), 256)
    straight = np.minimum(255 * value // np.maximum(alpha, 1), 255)
    straight = np.where((alpha == 0) | (alpha == 255), value, straight)
    product = straight * alpha + 128
    again = ((product >> 8) + product) >> 8
    return Tables(straight.astype(np.uint8), again.astype(np.uint8))


def _bytes(size: int) -> int:
    return -(-size // resampling.LANES) * resampling.LANES


def _scratch(spec: Spec, table: npt.NDArray[np.int64], page: int, longest: int) -> Scratch:
    """Size the buffers for any draw of these glyphs.

    Parameters
    ----------
    page
        Width of the widest canvas.
    longest
        Most characters in a text.
    """
    look = spec.look
    columns, rows = int(table[:, picture.COLUMNS].max()), int(table[:, picture.ROWS].max())
    most_w, most_h = int(table[:, picture.WIDTH].max()), int(table[:, picture.HEIGHT].max())
    least = int(min(table[:, picture.WIDTH].min(), table[:, picture.HEIGHT].min()))
    turned = math.ceil(math.hypot(columns, rows)) + 4
    wide = most_w + 2 * _reach(most_w, *look.character_warp_dx)
    high = most_h + 2 * _reach(most_h, *look.character_warp_dy)
    turned_bytes, wide_bytes = _bytes(4 * turned), _bytes(4 * wide)
    column_sums, column_bytes = smoothing.scratch_sizes(spec.height)
    page_bytes = column_sums
    spare = resampling.SPARE_LINES
    turned_buffer = np.zeros((turned + spare, turned_bytes), np.uint8)
    widened = np.zeros((wide, turned_bytes), np.uint8)
    flipped = np.zeros((turned + spare, wide_bytes), np.uint8)
    stretched = np.zeros((max(high, turned) + 1, max(wide_bytes, turned_bytes)), np.uint8)
    taps = resampling.most_taps(turned, least)
    page_taps = resampling.most_taps(page, spec.width)
    return Scratch(
        turned_buffer,
        turned_buffer.view(np.uint32),
        widened,
        widened.view(np.uint32),
        flipped,
        flipped.view(np.uint32),
        stretched,
        stretched.view(np.uint32),
        np.zeros(most_h, np.int32),
        np.zeros(max(wide, high), np.int64),
        np.zeros((taps, max(wide, high)), np.int32),
        np.zeros((max(taps, page_taps) + 3, max(wide, high, spec.width))),
        np.zeros(max(turned_bytes, wide_bytes, page_bytes), np.int32),
        np.zeros((rows + 2) * (columns + 2), np.uint8),
        np.zeros((256, 4)),
        np.zeros(256, np.uint32),
        np.zeros((2 * longest, 7), np.int64),
        np.zeros(2 * longest),
        np.zeros((4, 3)),
        noise.event_scratch(),
        np.zeros((page + spare, page_bytes), np.uint8),
        np.zeros((spec.width, page_bytes), np.uint8),
        np.zeros(spec.width, np.int64),
        np.zeros((page_taps, spec.width), np.int32),
        np.zeros(column_bytes, np.uint8),
        np.zeros(column_sums, np.uint16),
    )


def _reach(size: int, low: float, high: float) -> int:
    """Return the most that a corner can move."""
    return math.ceil(size * abs(high - low) + abs(low)) + 1


_TABLES = _tables()
