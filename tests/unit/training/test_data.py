import threading

import numpy as np
import pytest
from PIL import Image

from captcha_core.errors import ImageError, LabelError
from captcha_core.networks import Problem
from captcha_core.spec import Spec
from captcha_core.training import InMemory, Rendered, prefetch

SPEC = Spec.make(width=64, height=32, lengths=2, charset="digits", look={"font_sizes": (20, 24)})


def numbered(count, **options):
    """Images whose first pixel is their number, and texts that spell it."""
    images = np.zeros((count, 4, 6), np.uint8)
    images[:, 0, 0] = np.arange(count)
    return InMemory(images, [str(number) for number in range(count)], **options)


def numbers(batch):
    images, texts = batch
    assert images[:, 0, 0, 0].tolist() == [int(text) for text in texts]
    return images[:, 0, 0, 0].tolist()


def test_each_epoch_is_every_image_once_in_a_new_order():
    source = numbered(50, held_out=0)
    first, second = numbers(source.batch(0, 50)), numbers(source.batch(50, 50))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second


@pytest.mark.parametrize("cut", [1, 7, 64])
def test_a_stream_does_not_depend_on_how_it_is_cut(cut):
    source = numbered(30)
    whole = numbers(source.batch(11, 128))
    parts = [n for start in range(11, 139, cut) for n in numbers(source.batch(start, min(cut, 139 - start)))]
    assert parts == whole
    assert numbers(numbered(30).batch(11, 128)) == whole
    assert numbers(numbered(30, seed=1).batch(11, 128)) != whole


def test_held_out_images_never_come_up_in_training():
    source = numbered(100, held_out=0.2)
    held = set(numbers(source.held_out(1000)))
    assert len(held) == 20
    assert len(source) == 80
    assert held.isdisjoint(numbers(source.batch(0, 400)))


def test_colour_is_held_as_pillow_would_grey_it():
    colours = np.random.default_rng(0).integers(0, 256, (5, 8, 9, 3), dtype=np.uint8)
    held = InMemory(colours, ["1"] * 5, held_out=0)
    rule = (colours.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32) + 0x8000) >> 16
    assert np.sort(held.batch(0, 5)[0], axis=0).tolist() == np.sort(rule[..., None], axis=0).tolist()
    assert (np.asarray(Image.fromarray(colours[0]).convert("L")) == rule[0]).all()
    assert InMemory(colours, ["1"] * 5, grey=False).batch(0, 2)[0].shape == (2, 8, 9, 3)


def test_what_cannot_be_trained_on_is_refused():
    with pytest.raises(LabelError, match="3 images and 2 labels"):
        InMemory(np.zeros((3, 4, 4), np.uint8), ["1", "2"])
    with pytest.raises(LabelError, match="no images left"):
        InMemory(np.zeros((0, 4, 4), np.uint8), [])
    with pytest.raises(ImageError, match="uint8"):
        InMemory(np.zeros((1, 4, 4), np.float32), ["1"])  # type: ignore[arg-type]
    with pytest.raises(ImageError, match="shape"):
        InMemory(np.zeros((1, 4, 4, 2), np.uint8), ["1"])


def test_labels_are_checked_and_the_first_ten_named():
    texts = ["1"] * 5 + ["7x"] * 12 + ["123"]
    source = InMemory(np.zeros((18, 4, 4), np.uint8), texts)
    problem = Problem(charset="digits", lengths=(1, 2), size=(4, 4))
    with pytest.raises(LabelError, match=r"13 labels.*'7x' \('x' unknown\)") as caught:
        source.check(problem)
    assert str(caught.value).count("'7x'") == 10


def test_no_images_are_held_out_where_none_are_asked_for():
    images, texts = Rendered(SPEC, seed=3).held_out(0)
    assert images.shape == (0, SPEC.height, SPEC.width, 3)
    assert texts == []


def test_rendered_images_depend_on_seed_and_position_alone():
    source = Rendered(SPEC, 5)
    images, texts = source.batch(8190, 6)  # over the edge of a shard
    again, same = Rendered(SPEC, 5).batch(8193, 2)
    assert images.shape == (6, 32, 64, 3)
    assert (images[3:5] == again).all()
    assert texts[3:5] == same
    assert source.held_out(6)[1] != source.batch(0, 6)[1]
    assert source.image_size == (64, 32)


def test_a_spec_is_checked_against_the_network():
    source = Rendered(SPEC)
    source.check(Problem(charset="alnum-upper", lengths=(1, 4), size=(64, 32)))
    with pytest.raises(LabelError, match="'56789'"):
        source.check(Problem(charset="01234", lengths=(1, 4), size=(64, 32)))
    with pytest.raises(LabelError, match="2 to 2 characters"):
        source.check(Problem(charset="digits", lengths=(3, 4), size=(64, 32)))


@pytest.mark.parametrize("threads", [1, 3])
def test_prefetched_batches_come_in_order_and_threads_end(threads):
    source = numbered(40)
    before = threading.active_count()
    batches = prefetch.batches(source, 16, 8, 1, threads=threads)
    got = [n for _ in range(6) for n in numbers(next(batches))]
    batches.close()
    assert got == numbers(source.batch(16, 48))
    assert threading.active_count() == before


def test_an_error_of_the_source_comes_through():
    class Broken(InMemory):
        def batch(self, position, size):
            if position >= 16:
                raise OSError("disk gone")
            return super().batch(position, size)

    batches = prefetch.batches(Broken(np.zeros((9, 4, 4), np.uint8), ["1"] * 9), 0, 8, 1)
    next(batches)
    next(batches)
    with pytest.raises(OSError, match="disk gone"):
        next(batches)


def test_folds_hold_out_every_training_image_once():
    source = numbered(50, held_out=0.2)
    kept = set(numbers(source.held_out(50)))
    folds = [source.fold(number, 4) for number in range(4)]
    held = [number for fold in folds for number in numbers(fold.held_out(50))]
    assert sorted(held) == sorted(set(range(50)) - kept)
    for fold in folds:
        trained = set(numbers(fold.batch(0, 3 * len(fold))))
        assert trained == set(range(50)) - kept - set(numbers(fold.held_out(50)))
    assert len(source) == 40
    assert numbers(source.fold(1, 4).batch(0, 30)) == numbers(folds[1].batch(0, 30))


def test_too_few_images_make_no_folds():
    with pytest.raises(LabelError, match="7 images are too few for 4 folds"):
        numbered(7, held_out=0).fold(0, 4)
