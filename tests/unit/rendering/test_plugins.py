"""Generators of other packages, found through real entry points."""

from pathlib import Path

import numpy as np
import pytest

from captcha_core.errors import SpecError
from captcha_core.rendering import open_renderer
from captcha_core.spec import Spec

SOURCE = """
import numpy as np
from PIL import Image

def stripes(text, random, spec):
    pixels = random.integers(0, 256, (spec.height, spec.width, 3), np.uint8)
    pixels[: len(text)] = spec.options.get("grey", 0)
    return Image.fromarray(pixels)

def grey(text, random, spec):
    return Image.new("L", (spec.width, spec.height), int(random.integers(256)))

def small(text, random, spec):
    return Image.new("RGB", (spec.width - 1, spec.height))

def array(text, random, spec):
    return np.zeros((spec.height, spec.width, 3), np.uint8)

constant = 3
"""
ENTRY_POINTS = """
[capq.generators]
stripes = capq_test_plugin:stripes
grey = capq_test_plugin:grey
small = capq_test_plugin:small
array = capq_test_plugin:array
constant = capq_test_plugin:constant
gone = capq_test_plugin:gone
"""


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a distribution, as pip would lay it out."""
    info = tmp_path / "capq_test_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: capq-test-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "capq_test_plugin.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)


def test_a_generator_draws_the_texts_it_is_given() -> None:
    renderer = open_renderer(Spec.make(generator="stripes", lengths=(1, 9), options={"grey": 77}))

    images, labels = renderer.batch(3, 0, 0, 8)

    assert renderer.engine == "stripes"
    for image, text in zip(images, labels, strict=True):
        assert (image[: len(text)] == 77).all()
        assert not (image[len(text)] == 77).all()


def test_its_randomness_belongs_to_the_image() -> None:
    spec = Spec.make(generator="stripes")
    whole, labels = open_renderer(spec).batch(3, 1, 0, 10)

    part, part_labels = open_renderer(spec).batch(3, 1, 6, 4)

    assert np.array_equal(part, whole[6:])
    assert part_labels == labels[6:]
    assert len({image.tobytes() for image in whole}) == 10


def test_other_modes_become_rgb() -> None:
    images, _ = open_renderer(Spec.make(generator="grey")).batch(3, 1, 0, 2)

    assert images.shape == (2, 80, 170, 3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("small", r"returned an image of \(169, 80\), not \(170, 80\)"),
        ("array", "returned ndarray, not a PIL image"),
    ],
)
def test_what_a_generator_returns_is_checked(name: str, message: str) -> None:
    renderer = open_renderer(Spec.make(generator=name))

    with pytest.raises(SpecError, match=message):
        renderer.batch(0, 0, 0, 1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unheard-of", "no generator 'unheard-of': installed are lepture, medley, array, .*stripes"),
        ("gone", "cannot be imported"),
        ("constant", "no callable"),
    ],
)
def test_what_cannot_be_used_is_refused(name: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        open_renderer(Spec.make(generator=name))
