"""Every image can be read: its ink lies inside it and stands out from the ground."""

import numpy as np
import pytest

from captcha_core.rendering import open_renderer
from captcha_core.rendering.medley.composition import Tracing
from captcha_core.rendering.medley.readability import contrasts, ink_on_the_edge
from captcha_core.rendering.medley.renderer import MedleyRenderer

from .conftest import Narrowed

COUNT = 300


def drawn(level: int, ground: int = 200) -> tuple[np.ndarray, Tracing]:
    """Return an image with two bars, the second one `level` grey, and its tracing."""
    coverage = np.zeros((64, 192), np.uint8)
    coverage[20:44, 40:48] = 255
    coverage[20:44, 120:128] = 255
    owners = np.zeros_like(coverage)
    owners[:, 100:] = 1
    image = np.full((64, 192, 3), ground, np.uint8)
    image[20:44, 40:48] = 0
    image[20:44, 120:128] = level
    return image, Tracing(coverage, owners)


def test_contrast_is_that_of_each_character() -> None:
    assert contrasts(*drawn(level=170), 2) == pytest.approx([200, 30])
    assert contrasts(*drawn(level=200), 2)[1] == 0


def test_regions_with_ink_and_ground_swapped_count_as_what_they_are() -> None:
    image, tracing = drawn(level=40)
    image[:, 100:] = 255 - image[:, 100:]
    assert contrasts(image, tracing, 2)[1] == pytest.approx(160)


def test_a_character_without_ink_has_no_contrast() -> None:
    assert contrasts(*drawn(level=0), 3)[2] == 0


def test_ink_on_the_edge_is_seen() -> None:
    coverage = np.zeros((10, 10), np.uint8)
    coverage[4:6, 0:2] = 255
    assert ink_on_the_edge(Tracing(coverage, None)) == 0.5


def test_characters_of_the_whole_distribution_stand_out(narrowed: Narrowed) -> None:
    renderer = open_renderer(narrowed())
    assert isinstance(renderer, MedleyRenderer)
    levels: list[float] = []
    for number in range(COUNT):
        image, text, tracing = renderer.trace(11, 0, number)
        assert ink_on_the_edge(tracing) == 0, f"image {number}: {text}"
        levels += contrasts(image, tracing, len(text))
    assert np.mean(np.array(levels) < 15) < 0.005
    assert np.mean(np.array(levels) < 30) < 0.03


def test_ink_stays_inside_at_the_extremes(narrowed: Narrowed) -> None:
    extreme = narrowed(
        rotate=(-60, 60), shear=(-1, 1), waves=1, perspective=1, spacing=(-0.35, 3), size_jitter=(0.6, 0.6),
        letter_heights=(1, 1), strokes={"bold": 1, "outline": 1},
    )  # fmt: skip
    renderer = open_renderer(extreme)
    assert isinstance(renderer, MedleyRenderer)
    for number in range(COUNT):
        _, text, tracing = renderer.trace(12, 0, number)
        assert ink_on_the_edge(tracing) == 0, f"image {number}: {text}"
