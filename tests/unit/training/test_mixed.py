"""Labelled images and images with pseudo-labels in one stream."""

import numpy as np
import pytest

from captcha_core.networks import Problem
from captcha_core.training import InMemory
from captcha_core.training.mixed import Mixed


def _labelled(count: int, held_out: float = 0.0) -> InMemory:
    images = np.zeros((count, 4, 6), np.uint8) + np.arange(count, dtype=np.uint8)[:, None, None]
    return InMemory(images, [f"L{n}" for n in range(count)], 3, held_out=held_out, files=_files(count))


def _files(count: int) -> list[str]:
    return [f"{number}.png" for number in range(count)]


def _read(count: int) -> InMemory:
    images = np.zeros((count, 4, 6), np.uint8) + 100 + np.arange(count, dtype=np.uint8)[:, None, None]
    return InMemory(images, [f"P{n}" for n in range(count)], 4, held_out=0.0)


def test_labels_are_half_of_every_stretch_however_many_others_there_are() -> None:
    mixed = Mixed(_labelled(5), _read(100))
    for position in (0, 64, 1000):
        _, texts = mixed.batch(position, 64)
        assert sum(text.startswith("L") for text in texts) == 32


def test_more_labels_than_that_have_the_share_of_their_number() -> None:
    _, texts = Mixed(_labelled(90), _read(10)).batch(0, 1000)
    assert sum(text.startswith("L") for text in texts) == 900


def test_images_and_texts_belong_together() -> None:
    images, texts = Mixed(_labelled(5), _read(7)).batch(11, 50)
    assert images.shape == (50, 4, 6, 1)
    for image, text in zip(images[:, 0, 0, 0].tolist(), texts, strict=True):
        assert text == (f"P{image - 100}" if image >= 100 else f"L{image}")


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_what_comes_at_a_position_depends_on_the_position_alone(share: float) -> None:
    mixed = Mixed(_labelled(5).weighted({"2.png": 0.5}), _read(40), share)
    images, texts = mixed.batch(0, 61)
    weights = mixed.weights(0, 61)
    assert weights is not None
    for start, end in ((0, 1), (1, 2), (2, 30), (30, 61)):
        part, part_texts = mixed.batch(start, end - start)
        np.testing.assert_array_equal(part, images[start:end])
        assert part_texts == texts[start:end]
        own = mixed.weights(start, end - start)
        np.testing.assert_array_equal(np.ones(end - start) if own is None else own, weights[start:end])


def test_each_image_is_seen_as_often_as_the_others_of_its_kind() -> None:
    _, texts = Mixed(_labelled(5), _read(20)).batch(0, 200)
    assert {texts.count(f"L{n}") for n in range(5)} == {20}
    assert {texts.count(f"P{n}") for n in range(20)} == {5}


def test_weights_are_those_of_the_labels() -> None:
    assert Mixed(_labelled(5), _read(20)).weights(0, 10) is None
    mixed = Mixed(_labelled(5).weighted({"3.png": 0.25}), _read(20))
    weights, texts = mixed.weights(0, 100), mixed.batch(0, 100)[1]
    assert weights is not None
    assert weights.dtype == np.float32
    for weight, text in zip(weights.tolist(), texts, strict=True):
        assert weight == (0.25 if text == "L3" else 1)


def test_labels_alone_are_held_out_and_checked() -> None:
    mixed = Mixed(_labelled(10, held_out=0.3), _read(20))
    held_out = set(mixed.held_out(10)[1])
    assert len(held_out) == 3
    assert not held_out & set(mixed.batch(0, 500)[1])
    mixed.check(Problem(charset="L0123456789", lengths=(2, 2), size=(6, 4)))
