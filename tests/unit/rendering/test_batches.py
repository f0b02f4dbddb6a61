"""A batch's images depend on (spec, seed, shard, number) alone."""

import subprocess
import sys

import numpy as np
import pytest

from captcha_core.errors import SpecError
from captcha_core.rendering import (
    Engine,
    needs_compiling,
    open_lepture,
    open_renderer,
    randomness,
    texts,
    warm,
)
from captcha_core.spec import Spec

ENGINES = pytest.mark.parametrize("engine", ["pillow", "numba"])


@ENGINES
def test_any_chunking_gives_the_same_images(engine: Engine) -> None:
    spec = Spec.make(lengths=(1, 6), charset="alnum")
    whole, labels = open_renderer(spec, engine).batch(5, 2, 0, 40)
    renderer = open_renderer(spec, engine)

    for start, count in ((33, 7), (0, 1), (10, 23), (1, 9)):
        part, part_labels = renderer.batch(5, 2, start, count)

        assert np.array_equal(part, whole[start : start + count])
        assert part_labels == labels[start : start + count]


@ENGINES
def test_seeds_and_shards_differ(engine: Engine) -> None:
    renderer = open_renderer(Spec(), engine)
    images = [renderer.batch(seed, shard, 0, 1)[0] for seed, shard in ((0, 0), (0, 1), (1, 0))]

    assert len({image.tobytes() for image in images}) == 3


def test_batches_longer_than_a_chunk() -> None:
    spec = Spec.make(width=40, height=30, lengths=2)

    compiled, labels = open_renderer(spec, "numba").batch(1, 0, 0, 300)
    reference, same_labels = open_renderer(spec, "pillow").batch(1, 0, 0, 300)

    assert np.array_equal(compiled, reference)
    assert labels == same_labels


@ENGINES
def test_labels_are_those_drawn_from_the_words(engine: Engine) -> None:
    spec = Spec.make(lengths=(2, 5), distinct=True)
    words = randomness.random_words(9, 1, 3, 20)

    _, labels = open_renderer(spec, engine).batch(9, 1, 3, 20)

    assert labels == texts.codes_to_texts(spec.charset, texts.draw_codes(spec, words))


@ENGINES
def test_images_go_where_they_are_wanted(engine: Engine) -> None:
    renderer = open_renderer(Spec(), engine)
    out = np.zeros((3, 80, 170, 3), np.uint8)

    images, _ = renderer.batch(1, 0, 0, 3, out)

    assert images is out
    assert np.array_equal(out, renderer.batch(1, 0, 0, 3)[0])


@ENGINES
@pytest.mark.parametrize(
    "out",
    [
        np.zeros((3, 80, 170), np.uint8),
        np.zeros((3, 80, 170, 3)),
        np.zeros((3, 80, 170, 6), np.uint8)[..., ::2],
    ],
)
def test_wrong_places_are_refused(engine: Engine, out: np.ndarray) -> None:
    with pytest.raises(ValueError, match="C-contiguous uint8"):
        open_renderer(Spec(), engine).batch(1, 0, 0, 3, out)


@ENGINES
def test_an_empty_batch(engine: Engine) -> None:
    images, labels = open_renderer(Spec(), engine).batch(1, 0, 0, 0)

    assert images.shape == (0, 80, 170, 3)
    assert labels == []


@ENGINES
def test_texts_need_characters_and_words(engine: Engine) -> None:
    renderer = open_lepture(Spec(), engine)
    words = randomness.random_words(0, 0, 0, 1)

    with pytest.raises(SpecError, match="at least one character"):
        renderer.draw("", words[0])
    with pytest.raises(SpecError, match="may draw more than the 100 words"):
        renderer.draw("ABCD", words[0, :100])
    with pytest.raises(ValueError, match="one row for each"):
        renderer.render(["ABCD", "EFGH"], words)


@ENGINES
def test_texts_outside_the_charset_can_be_drawn(engine: Engine) -> None:
    renderer = open_lepture(Spec.make(charset="AB"), engine)
    words = randomness.random_words(0, 0, 0, 2)

    images = renderer.render(["aZ9", "x y"], words)

    assert np.array_equal(images, open_lepture(Spec(), "pillow").render(["aZ9", "x y"], words))


def test_warming_up_leaves_nothing_to_compile() -> None:
    warm()

    assert not needs_compiling()
    assert not needs_compiling("pillow")


def test_one_compilation_serves_every_spec() -> None:
    from captcha_core.rendering.kernels import picture

    for spec in (
        Spec(),
        Spec.make(look={"character_rotate": (0, 0), "background": (1, 2, 3), "noise_dots": 0}),
    ):
        open_renderer(spec, "numba").batch(0, 0, 0, 1)

    assert len(picture.paint.signatures) == 1


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import sys, captcha_core.rendering as r; from captcha_core.spec import Spec; "
        "r.open_renderer(Spec(), 'pillow').batch(0, 0, 0, 1); "
        "print(sorted({'numba', 'torch', 'celery', 'redis', 'click'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


def test_masks_are_drawn_again_when_they_were_too_many() -> None:
    from captcha_core.rendering.numba_engine import NumbaRenderer

    spec = Spec.make(lengths=(1, 6), charset="alnum")
    expected, _ = open_renderer(spec, "pillow").batch(5, 2, 0, 30)
    forgetful, renderer = NumbaRenderer(spec, mask_bytes=5_000), NumbaRenderer(spec)

    for start in range(0, 30, 5):
        assert np.array_equal(forgetful.batch(5, 2, start, 5)[0], expected[start : start + 5])
        renderer.batch(5, 2, start, 5)

    assert len(forgetful._atlas.glyphs.table) < len(renderer._atlas.glyphs.table)


def test_the_compiled_engine_agrees_with_this_pillow() -> None:
    from captcha_core.rendering import numba_engine

    assert numba_engine.agrees()
    assert open_renderer(Spec()).engine == "numba"
