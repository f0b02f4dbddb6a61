import numpy as np
import pytest

from captcha_core.rendering.randomness import (
    WORDS_PER_IMAGE,
    Draws,
    image_generator,
    random_below,
    random_words,
)


def test_an_image_has_the_same_words_in_whatever_stretch_it_is_asked_for() -> None:
    whole = random_words(seed=7, shard=3, start=0, count=20)
    assert whole.shape == (20, WORDS_PER_IMAGE)
    assert whole.dtype == np.uint32
    for start, count in ((0, 1), (5, 4), (19, 1)):
        assert (random_words(7, 3, start, count) == whole[start : start + count]).all()


def test_seeds_shards_and_images_do_not_share_words() -> None:
    rows = [random_words(seed, shard, image, 1)[0] for seed in (0, 1) for shard in (0, 1) for image in (0, 1)]
    assert len({row.tobytes() for row in rows}) == 8


def test_the_stream_is_this_one_for_ever() -> None:
    # Changing it would change every dataset ever made; computed once from numpy's Philox.
    assert random_words(0, 0, 0, 1)[0, :4].tolist() == EXPECTED


EXPECTED = [582496169, 60417458, 4027530181, 1107101889]


@pytest.mark.parametrize("n", [1, 2, 3, 36, 171, 1000])
def test_draws_stay_below_their_bound_and_reach_every_value(n: int) -> None:
    words = random_words(1, 0, 0, 64).reshape(-1)
    values = random_below(words, n)
    assert values.min() >= 0
    assert values.max() < n
    assert len(np.unique(values)) == n


def test_the_shim_draws_what_the_vectorised_form_draws() -> None:
    words = random_words(2, 0, 0, 1)[0]
    shim = Draws(words)
    assert [shim.randbelow(36) for _ in range(50)] == random_below(words[:50], 36).tolist()
    assert shim.randbits(32) == words[50]
    assert shim.choice("abc") == "abc"[int(random_below(words[51:52], 3)[0])]


def test_generators_for_plug_ins_differ_by_image_and_repeat_by_seed() -> None:
    first = image_generator(5, 0, 0).random(4)
    assert (image_generator(5, 0, 0).random(4) == first).all()
    assert (image_generator(5, 0, 1).random(4) != first).any()
