"""Several specs in one stream: whose turn it is depends on the position alone."""

import numpy as np
import pytest

from captcha_core.errors import LabelError, TrainingError
from captcha_core.networks import Problem
from captcha_core.spec import Spec
from captcha_core.training import MixedSpecs, Rendered

_LOOK = {"font_sizes": (20, 24)}
DIGITS = Spec.make(width=64, height=32, lengths=2, charset="digits", look=_LOOK)
LETTERS = Spec.make(width=100, height=40, lengths=(3, 4), charset="abc", look=_LOOK)
SIZE = (64, 32)


def _mixed(seed: int = 1) -> MixedSpecs:
    return MixedSpecs([(DIGITS, 3), (LETTERS, 2)], SIZE, seed)


def test_specs_take_turns_in_a_cycle() -> None:
    images, texts = _mixed().batch(0, 10)
    assert images.shape == (10, 32, 64, 1)
    assert [text.isdigit() for text in texts] == [True, True, True, False, False] * 2


def test_each_part_is_the_stream_of_its_spec() -> None:
    _, texts = _mixed().batch(0, 10)
    assert [text for text in texts if text.isdigit()] == Rendered(DIGITS, 1).batch(0, 6)[1]
    assert [text for text in texts if not text.isdigit()] == Rendered(LETTERS, 1).batch(0, 4)[1]


@pytest.mark.parametrize("cut", [1, 4, 7])
def test_the_stream_does_not_depend_on_how_it_is_cut(cut: int) -> None:
    source = _mixed()
    images, texts = source.batch(8, 28)
    parts = [source.batch(start, min(cut, 36 - start)) for start in range(8, 36, cut)]
    assert [text for _, part in parts for text in part] == texts
    np.testing.assert_array_equal(np.concatenate([part for part, _ in parts]), images)


def test_held_out_images_have_the_same_shares_and_do_not_come_up() -> None:
    source = _mixed()
    held_out, texts = source.held_out(10)
    assert [text.isdigit() for text in texts] == [True, True, True, False, False] * 2
    trained, _ = source.batch(0, 200)
    assert not {image.tobytes() for image in held_out} & {image.tobytes() for image in trained}


def test_an_image_of_the_size_is_not_changed() -> None:
    images, _ = _mixed().batch(0, 3)
    (expected, _) = MixedSpecs([(DIGITS, 1)], SIZE, 1).batch(0, 3)
    np.testing.assert_array_equal(images, expected)


def test_a_text_that_the_network_cannot_learn_is_found_in_any_part() -> None:
    source = _mixed()
    source.check(Problem(charset="0123456789abc", lengths=(2, 4), size=SIZE))
    with pytest.raises(LabelError):
        source.check(Problem(charset="0123456789", lengths=(2, 4), size=SIZE))


@pytest.mark.parametrize("parts", [[], [(DIGITS, 0)]])
def test_an_empty_mixture_is_refused(parts: list[tuple[Spec, int]]) -> None:
    with pytest.raises(TrainingError, match="at least one"):
        MixedSpecs(parts, SIZE)
