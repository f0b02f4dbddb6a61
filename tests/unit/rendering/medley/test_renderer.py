"""Images of the generator medley depend on (spec, seed, shard, number) alone, and on the spec."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from captcha_core.errors import SpecError
from captcha_core.rendering import open_renderer
from captcha_core.rendering.medley.renderer import MedleyRenderer
from captcha_core.spec import Spec
from captcha_core.spec.charset import NAMED

from .conftest import DROID, Narrowed

_ELSEWHERE = """
import hashlib, sys
from captcha_core.rendering import open_renderer
from captcha_core.spec import Spec
images, labels = open_renderer(Spec.model_validate_json(sys.argv[1]), "pillow").batch(5, 2, 7, 20)
print(hashlib.sha256(images.tobytes() + "".join(labels).encode()).hexdigest())
"""


def test_any_split_and_order_gives_the_same_images(narrowed: Narrowed) -> None:
    spec = narrowed()
    images, labels = open_renderer(spec).batch(5, 2, 0, 40)
    renderer = open_renderer(spec)
    for start, count in ((33, 7), (0, 1), (1, 20), (21, 12)):
        part, texts = renderer.batch(5, 2, start, count)
        assert np.array_equal(part, images[start : start + count])
        assert texts == labels[start : start + count]


def test_another_process_draws_the_same(narrowed: Narrowed) -> None:
    spec = narrowed()
    images, labels = open_renderer(spec).batch(5, 2, 7, 20)
    expected = hashlib.sha256(images.tobytes() + "".join(labels).encode()).hexdigest()
    command = [sys.executable, "-c", _ELSEWHERE, spec.model_dump_json()]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == expected


def test_both_engines_draw_the_same(narrowed: Narrowed) -> None:
    pytest.importorskip("numba")
    spec = narrowed(waves=0.6, perspective=0.4, per_character=0.5)
    compiled, by_hand = open_renderer(spec, "numba"), open_renderer(spec, "pillow")
    assert (compiled.engine, by_hand.engine) == ("numba", "pillow")
    for seed in range(4):
        assert np.array_equal(compiled.batch(seed, 0, 0, 60)[0], by_hand.batch(seed, 0, 0, 60)[0])


def test_seed_shard_and_number_change_the_image(narrowed: Narrowed) -> None:
    renderer = open_renderer(narrowed())
    draws = [renderer.batch(*of, 1)[0] for of in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))]
    assert len({image.tobytes() for image in draws}) == 4


def test_given_room_is_filled(narrowed: Narrowed) -> None:
    spec = narrowed()
    out = np.empty((3, 64, 192, 3), np.uint8)
    images, _ = open_renderer(spec).batch(0, 0, 0, 3, out)
    assert images is out
    assert np.array_equal(out, open_renderer(spec).batch(0, 0, 0, 3)[0])


@pytest.mark.parametrize("size", [(192, 64), (64, 64), (16, 16), (400, 40)])
@pytest.mark.parametrize("fit", ["stretch", "pad"])
def test_images_have_the_specs_size(narrowed: Narrowed, size: tuple[int, int], fit: str) -> None:
    spec = narrowed(fit=fit).replaced(width=size[0], height=size[1])
    images, _ = open_renderer(spec).batch(0, 0, 0, 12)
    assert images.shape == (12, size[1], size[0], 3)
    assert all(image.std() > 0 for image in images)


def test_padding_keeps_the_shape(narrowed: Narrowed) -> None:
    spec = narrowed(
        fit="pad", grounds={"flat": 1}, noise=0, jpeg=0, pepper=0, inverted=0, behind=(0, 0), before=(0, 0)
    ).replaced(width=400, height=40)
    images, _ = open_renderer(spec).batch(0, 0, 0, 20)
    # Native images are at most ten times as wide as high, and most much less: bars are left.
    bars = [np.ptp(image[:, :20], axis=(0, 1)).max() == 0 for image in images]
    assert sum(bars) > 10


def test_texts_follow_lengths_and_charset(narrowed: Narrowed) -> None:
    _, labels = open_renderer(narrowed(lengths=(4, 6), charset="abc123")).batch(0, 0, 0, 300)
    assert {len(label) for label in labels} == {4, 5, 6}
    assert set("".join(labels)) == set("abc123")


def test_texts_are_drawn_from_a_part_of_the_charset(narrowed: Narrowed) -> None:
    _, labels = open_renderer(narrowed(mixes={"digits": 1, "upper": 1})).batch(0, 0, 0, 200)
    digits = [label for label in labels if set(label) <= set(NAMED["digits"])]
    capitals = [label for label in labels if set(label) <= set(NAMED["upper"])]
    assert len(digits) + len(capitals) == 200
    assert min(len(digits), len(capitals)) > 60


def test_distinct_characters_do_not_repeat(narrowed: Narrowed) -> None:
    spec = narrowed(lengths=(8, 12)).replaced(distinct=True)
    _, labels = open_renderer(spec).batch(0, 0, 0, 100)
    assert all(len(set(label)) == len(label) for label in labels)


def test_grey_when_the_spec_says_so(narrowed: Narrowed) -> None:
    grey, _ = open_renderer(narrowed(colour=0)).batch(0, 0, 0, 60)
    assert np.ptp(grey.astype(int), axis=3).max() == 0
    coloured, _ = open_renderer(narrowed(colour=1, jpeg=0)).batch(0, 0, 0, 60)
    assert np.mean([np.ptp(image.astype(int), axis=2).max() > 8 for image in coloured]) > 0.8


def test_light_on_dark_when_the_spec_says_so(narrowed: Narrowed) -> None:
    plain = {
        "inverted": 0,
        "grounds": {"flat": 1},
        "behind": (0, 0),
        "before": (0, 0),
        "contrast": (150, 250),
    }
    light, _ = open_renderer(narrowed(light_on_dark=1, **plain)).batch(0, 0, 0, 40)
    dark, _ = open_renderer(narrowed(light_on_dark=0, **plain)).batch(0, 0, 0, 40)
    assert all(np.median(image) < 128 for image in light)
    assert all(np.median(image) > 128 for image in dark)


def test_nothing_but_text_when_all_else_is_left_out(narrowed: Narrowed) -> None:
    bare = {
        "colour": 0, "grounds": {"flat": 1}, "behind": (0, 0), "before": (0, 0), "noise": 0, "pepper": 0,
        "blur": 0, "jpeg": 0, "inverted": 0, "faint": 0, "per_character": 0, "shadow": 0, "smear": 0,
        "threshold": 0, "strokes": {"jagged": 1}, "waves": 0, "perspective": 0,
    }  # fmt: skip
    renderer = open_renderer(narrowed(**bare))
    assert isinstance(renderer, MedleyRenderer)
    for number in range(30):
        image, _, tracing = renderer.trace(0, 0, number)
        ground = image[0, 0, 0]
        assert (image[0] == ground).all()
        assert (image[-1] == ground).all()
        assert set(np.unique(tracing.coverage)) == {0, 255}


def test_a_missing_font_is_named(narrowed: Narrowed) -> None:
    with pytest.raises(SpecError, match=r"nowhere\.ttf is in no font folder"):
        open_renderer(narrowed(fonts=[{"name": "nowhere.ttf", "sha256": "0" * 64}]))
    with pytest.raises(SpecError, match="differs from the one the spec was made with"):
        open_renderer(narrowed(fonts=[{"name": DROID, "sha256": "0" * 64}]))


def test_a_character_that_no_font_has_is_named() -> None:
    spec = Spec.make(generator="medley", charset="a漢", medley={"fonts": [DROID]})
    with pytest.raises(SpecError, match="has no glyph for '漢'"):
        open_renderer(spec).batch(0, 0, 0, 20)
