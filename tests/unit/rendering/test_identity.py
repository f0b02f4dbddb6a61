"""Both engines give upstream's pixels, all of them."""

import itertools
import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from captcha_core.rendering import Engine, open_lepture, randomness, texts
from captcha_core.spec import Font, Look, Spec, fonts

from .conftest import Upstream

SYSTEM = Path("/usr/share/fonts/truetype")
FONTS = (
    fonts.BUILT_IN,
    str(SYSTEM / "dejavu/DejaVuSans.ttf"),
    str(SYSTEM / "dejavu/DejaVuSerif-Bold.ttf"),
    str(SYSTEM / "liberation/LiberationSerif-Italic.ttf"),
)
SIZES = ((170, 80), (160, 60), (140, 80), (120, 40), (300, 100))
LENGTHS = range(1, 9)
ALNUM = string.digits + string.ascii_letters

UNWARPED = {"character_warp_dx": (0, 0), "character_warp_dy": (0, 0)}
LOOKS = {
    "no dots": {"noise_dots": 0},
    "no curve": {"noise_curve": False},
    "no noise": {"noise_dots": 0, "noise_curve": False},
    "many dots": {"noise_dots": 100},
    **{f"dots of {width}": {"noise_dots": 20, "noise_dot_width": width} for width in (1, 2, 4, 7, 16)},
    "white ground": {"background": (255, 255, 255)},
    "dark ground": {"background": (0, 0, 0), "colour": (250, 240, 230, 255)},
    "red": {"colour": (255, 0, 0, 255)},
    "black": {"colour": (0, 0, 0, 255)},
    "faint": {"colour": (20, 200, 90, 60)},
    "barely there": {"colour": (90, 20, 200, 3)},
    "not there": {"colour": (90, 20, 200, 0)},
    "upright": {"character_rotate": (0, 0)},
    "upright and unwarped": {"character_rotate": (0, 0), **UNWARPED},
    "unwarped": UNWARPED,
    "on its side": {"character_rotate": (90, 90)},
    "upside down": {"character_rotate": (180, 180)},
    "any angle": {"character_rotate": (-180, 180)},
    "strong warp": {"character_warp_dx": (0.2, 1.5), "character_warp_dy": (0.5, 2)},
    "falling warp": {"character_warp_dx": (0.9, 0.1), "character_warp_dy": (2, 0.3)},
    "far offsets": {"character_offset_dx": (10, 64), "character_offset_dy": (3, 50)},
    "no spaces": {"word_space_probability": 1.0},
    "only spaces": {"word_space_probability": 0.0},
    "no overlap": {"word_offset_dx": 0.0},
    "full overlap": {"word_offset_dx": 1.0},
    "tiny": {"font_sizes": (6, 9)},
    "huge": {"font_sizes": (120, 200)},
    "one size": {"font_sizes": (42,)},
}


def look(**knobs: object) -> Look:
    return Look.model_validate(knobs)


def plain() -> Iterator[Spec]:
    """All sizes, lengths and fonts, with upstream's own knobs."""
    for (width, height), length, font in itertools.product(SIZES, LENGTHS, FONTS):
        yield Spec.make(
            width=width, height=height, lengths=length, charset=ALNUM, look=look(fonts=[Font.named(font)])
        )


def unusual() -> Iterator[Spec]:
    """Every knob moved, on two sizes, with all fonts mixed."""
    mixed = [Font.named(font) for font in FONTS]
    for knobs, (width, height) in itertools.product(LOOKS.values(), ((170, 80), (120, 40))):
        yield Spec.make(
            width=width, height=height, lengths=(1, 7), charset=ALNUM, look=look(**{"fonts": mixed, **knobs})
        )


def differing(
    spec: Spec, engines: tuple[Engine, ...], seed: int, count: int, upstream: Upstream
) -> list[str]:
    """Draw `count` images with each engine and upstream; describe those that differ."""
    words = randomness.random_words(seed, 0, 0, count)
    labels = texts.codes_to_texts(spec.charset, texts.draw_codes(spec, words))
    draws = words[:, texts.words_per_text(spec) :]
    drawn = {engine: open_lepture(spec, engine).render(labels, draws) for engine in engines}
    differences = []
    for place, text in enumerate(labels):
        expected = upstream(spec, text, draws[place])
        differences += [
            f"{engine} {text!r} of seed {seed}: {(images[place] != expected).sum()} values"
            for engine, images in drawn.items()
            if not np.array_equal(images[place], expected)
        ]
    return differences


@pytest.mark.parametrize("engine", ["pillow", "numba"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_upstreams_own_look(width: int, height: int, engine: Engine, upstream: Upstream) -> None:
    specs = [spec for spec in plain() if (spec.width, spec.height) == (width, height)]

    differences = [
        line for i, spec in enumerate(specs) for line in differing(spec, (engine,), i, 1, upstream)
    ]

    assert differences == []


@pytest.mark.parametrize("engine", ["pillow", "numba"])
@pytest.mark.parametrize("name", LOOKS)
def test_other_looks(name: str, engine: Engine, upstream: Upstream) -> None:
    mixed = [Font.named(font) for font in FONTS]
    spec = Spec.make(lengths=(1, 6), charset=ALNUM, look=look(**{"fonts": mixed, **LOOKS[name]}))

    assert differing(spec, (engine,), 7, 4, upstream) == []


@pytest.mark.parametrize("engine", ["pillow", "numba"])
@pytest.mark.parametrize(("width", "height"), [(16, 16), (64, 20), (17, 301), (700, 33)])
def test_odd_sizes(width: int, height: int, engine: Engine, upstream: Upstream) -> None:
    spec = Spec.make(width=width, height=height, lengths=(1, 6), charset=ALNUM)

    assert differing(spec, (engine,), 3, 6, upstream) == []


@pytest.mark.parametrize("engine", ["pillow", "numba"])
def test_longest_texts(engine: Engine, upstream: Upstream) -> None:
    spec = Spec.make(lengths=32, charset=ALNUM, look=look(noise_dots=100))

    assert differing(spec, (engine,), 3, 3, upstream) == []


@pytest.mark.parametrize("engine", ["pillow", "numba"])
def test_characters_beyond_ascii(engine: Engine, upstream: Upstream) -> None:
    spec = Spec.make(lengths=(2, 5), charset="äßçÅÑžñöøπΩЖщ", look=look(fonts=[Font.named(FONTS[1])]))

    assert differing(spec, (engine,), 3, 10, upstream) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_ten_thousand_images(upstream: Upstream) -> None:
    engines: tuple[Engine, ...] = ("pillow", "numba")
    differences = []
    for i, spec in enumerate(plain()):
        differences += differing(spec, engines, 1000 + i, 50, upstream)
    for i, spec in enumerate(unusual()):
        differences += differing(spec, engines, 5000 + i, 40, upstream)

    assert differences == []
