import gc
import shutil
import threading
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from captcha_core.datasets import Dataset, Plan, Sample, open_labelled
from captcha_core.datasets.decoding import image_size
from captcha_core.errors import DatasetError, LabelError
from captcha_core.networks import Problem, checkpoint
from captcha_core.spec import Spec
from captcha_core.training import (
    InMemory,
    RunFolder,
    Streamed,
    TrainingPlan,
    labelled_images,
    prefetch,
    slices,
)
from captcha_core.training.streamed import pieces_of

SPEC = Spec.make(width=48, height=24, lengths=4, charset="0123", look={"font_sizes": (14, 16)})


def generated(url, shards=12, per_shard=20, layout="webdataset"):
    dataset = Dataset.begin(str(url), Plan(spec=SPEC, shards=shards, per_shard=per_shard, layout=layout))
    for shard in range(shards):
        dataset.write_shard(shard)
    return dataset.finish()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return generated(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images whose grey is their label, ordered by label as files are that are named by it."""
    place = tmp_path_factory.mktemp("folder")
    rows = [f"{number:03d}.png,{number:03d}\n" for number in range(250)]
    (place / "labels.csv").write_text("".join(["file_name,text\n", *rows]))
    for number in range(250):
        Image.new("L", (9, 7), number).save(place / f"{number:03d}.png")
    return str(place)


def opened(found, seed=0, **options):
    """Stream in windows of 60 images, and pieces of 10 files, so that small sets have several."""
    size = image_size(next(iter(found)))
    return Streamed(pieces_of(found, seed, files=10), seed, size=size, window=60, **options)


def pictures(batch):
    """Tell each image of a batch apart by its pixels and text."""
    return [(image.tobytes(), text) for image, text in zip(*batch, strict=True)]


def test_every_image_comes_once_an_epoch_in_a_new_order(dataset):
    source = opened(dataset, held_out=0)
    everything = Counter(pictures(InMemory(*streamed_arrays(dataset), held_out=0).batch(0, 240)))
    first, second = pictures(source.batch(0, 240)), pictures(source.batch(240, 240))
    assert Counter(first) == Counter(second) == everything
    assert first != second


def streamed_arrays(found):
    from captcha_core.datasets.decoding import load_images

    return load_images(found, grey=True)


@pytest.mark.parametrize("cut", [1, 7, 64])
def test_a_stream_does_not_depend_on_how_it_is_cut(dataset, cut):
    whole = pictures(opened(dataset).batch(150, 300))
    source = opened(dataset)
    parts = [each for at in range(150, 450, cut) for each in pictures(source.batch(at, min(cut, 450 - at)))]
    assert parts == whole
    assert pictures(opened(dataset, seed=1).batch(150, 300)) != whole


def test_a_stream_can_be_read_backwards_and_by_several_threads(dataset):
    whole = pictures(opened(dataset).batch(0, 480))
    source = opened(dataset)
    starts = range(464, -1, -16)
    assert [each for at in reversed(starts) for each in pictures(source.batch(at, 16))] == whole
    assert [pictures(source.batch(at, 16)) for at in starts] == [whole[at : at + 16] for at in starts]
    batches = prefetch.batches(opened(dataset), 0, 16, 1, threads=4)
    assert [each for _ in range(30) for each in pictures(next(batches))] == whole
    batches.close()


@pytest.mark.parametrize("share", [0.05, 0.1, 0.37])
def test_held_out_images_never_come_up_in_training(dataset, share):
    source = opened(dataset, held_out=share)
    kept = round(share * 240)
    held = pictures(source.held_out(1000))
    assert len(held) == kept
    assert len(source) == 240 - kept
    assert pictures(source.held_out(5)) == held[:5]
    assert pictures(opened(dataset, held_out=share).held_out(1000)) == held
    trained = Counter(pictures(source.batch(0, 2 * len(source))))
    assert set(held).isdisjoint(trained)
    assert set(trained.values()) == {2}
    assert len(trained) == 240 - kept


def test_images_of_different_shards_are_mixed(dataset):
    ends = dataset.plan.per_shard
    shard_of = {each: n // ends for n, each in enumerate(pictures(streamed_arrays(dataset)))}
    batch = pictures(opened(dataset, held_out=0).batch(0, 30))
    assert len({shard_of[each] for each in batch}) == 3  # the shards of a window of 60


def test_a_folder_sorted_by_label_is_mixed_throughout(folder):
    source = opened(open_labelled(folder), held_out=0.2)
    texts = np.array(source.batch(0, 60)[1], int)
    assert texts.min() < 50
    assert texts.max() > 200
    held = np.array(source.held_out(1000)[1], int)
    assert held.min() < 50
    assert held.max() > 200
    images, texts = source.batch(0, 200)
    assert images[:, 0, 0, 0].tolist() == [int(text) for text in texts]
    assert len(set(texts) | {str(text).zfill(3) for text in held.tolist()}) == 250


def test_what_is_held_at_once_does_not_grow_with_the_dataset(dataset):
    def most(batches):
        gc.collect()
        before = sum(type(each) is Sample for each in gc.get_objects())
        source = opened(dataset, held_out=0)
        seen = 0
        for at in range(0, batches * 20, 20):
            source.batch(at, 20)
            seen = max(seen, sum(type(each) is Sample for each in gc.get_objects()) - before)
        return seen

    # Two windows of three shards of 20, and what is being read or has just been given up.
    assert 60 <= most(24) <= 2 * 60 + 60


def test_a_shard_is_read_once_an_epoch(dataset):
    pieces = pieces_of(dataset, 0)
    reads = Counter()
    lock = threading.Lock()

    class Counted(type(pieces)):
        def read(self, piece):
            with lock:
                reads[piece] += 1
            return super().read(piece)

    source = Streamed(Counted(dataset, 0), 0, size=(48, 24), held_out=0, window=60)
    for at in range(0, 240, 8):
        source.batch(at, 8)
    assert set(reads) == set(range(12))
    assert sum(reads.values()) <= 12 + 3  # the next epoch's first window is read ahead


def test_images_that_are_decoded_once_stay_those_of_the_run(tmp_path, dataset):
    url, run, kept = dataset.folder.url, RunFolder(tmp_path), tmp_path / "decoded"
    wanted = labelled_images(url, 3)
    first = labelled_images(url, 3, run=run)
    assert sorted(path.name for path in kept.iterdir()) == ["images.npy", "left-out.json", "texts.json"]
    for found in (first, labelled_images(url, 3, run=run)):
        assert pictures(found.batch(0, 300)) == pictures(wanted.batch(0, 300))
        assert pictures(found.held_out(24)) == pictures(wanted.held_out(24))
    # The pixels come from that file: another one's are trained on.
    np.save(kept / "images.npy", 255 - np.load(kept / "images.npy"))
    changed = labelled_images(url, 3, run=run)
    assert (changed.batch(0, 9)[0] == 255 - wanted.batch(0, 9)[0]).all()


@pytest.mark.parametrize("layout", ["webdataset", "folder"])
def test_other_layouts_and_stores_give_the_same_images(tmp_path, dataset, layout):
    import fsspec

    wanted = pictures(opened(dataset).batch(0, 300))
    elsewhere = f"memory://streamed-{layout}"
    assert pictures(opened(generated(elsewhere, layout=layout)).batch(0, 300)) == wanted
    fsspec.filesystem("memory").rm(f"/streamed-{layout}", recursive=True)
    assert pictures(opened(generated(tmp_path / layout, layout=layout)).batch(0, 300)) == wanted


def test_the_threshold_chooses_and_the_held_out_images_are_the_same(dataset, folder):
    decoded = 240 * 48 * 24
    fits = labelled_images(dataset.folder.url, 3, memory=decoded)
    streams = labelled_images(dataset.folder.url, 3, memory=decoded - 1)
    assert (type(fits), type(streams)) == (InMemory, Streamed)
    assert isinstance(labelled_images(dataset.folder.url, 3, grey=False, memory=decoded), Streamed)
    assert isinstance(labelled_images(dataset.folder.url), InMemory)
    assert pictures(fits.held_out(100)) == pictures(streams.held_out(100))
    assert Counter(pictures(fits.batch(0, len(fits)))) == Counter(pictures(streams.batch(0, len(streams))))
    pair = [labelled_images(folder, 3, memory=memory).held_out(100) for memory in (0, 1)]
    assert pictures(pair[0]) == pictures(pair[1])
    assert streams.describe() == {
        "kind": "streamed", "name": dataset.folder.url, "images": 240, "seed": 3
    }  # fmt: skip


def test_colour_and_size_are_the_networks(dataset):
    source = opened(dataset, grey=False)
    assert source.image_size == (48, 24)
    assert source.batch(0, 5)[0].shape == (5, 24, 48, 3)
    assert opened(dataset).batch(0, 5)[0].shape == (5, 24, 48, 1)


def test_labels_are_checked(dataset, folder):
    opened(dataset).check(Problem(charset="digits", lengths=(4, 4), size=(48, 24)))
    with pytest.raises(LabelError, match="'3'"):
        opened(dataset).check(Problem(charset="012", lengths=(4, 4), size=(48, 24)))
    with pytest.raises(LabelError, match=r"88 labels.*'002' \('2' unknown\)"):
        opened(open_labelled(folder)).check(Problem(charset="013456789", lengths=(3, 3), size=(9, 7)))


def test_nothing_left_to_train_on_is_refused(tmp_path):
    with pytest.raises(LabelError, match="no images left"):
        opened(generated(tmp_path / "one", 1, 1), held_out=0.9)
    Image.new("L", (9, 7)).save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("file_name,text\n")
    with pytest.raises(DatasetError, match="holds no images"):
        pieces_of(open_labelled(str(tmp_path)), 0)


def test_a_shard_that_is_gone_is_named_and_read_again_once_it_is_back(tmp_path, dataset):
    copy = tmp_path / "copy"
    shutil.copytree(dataset.folder.url, copy)
    source = opened(Dataset.open(str(copy)), held_out=0)
    (copy / "shard-000004.tar").rename(tmp_path / "aside.tar")
    with pytest.raises(DatasetError, match=r"shard-000004\.tar"):
        for at in range(0, 240, 20):
            source.batch(at, 20)
    (tmp_path / "aside.tar").rename(copy / "shard-000004.tar")
    assert pictures(source.batch(0, 240)) == pictures(opened(dataset, held_out=0).batch(0, 240))


def test_a_shard_cut_short_is_named(tmp_path, dataset):
    copy = tmp_path / "copy"
    shutil.copytree(dataset.folder.url, copy)
    other = generated(tmp_path / "short", 1, 7)
    shutil.copy(f"{other.folder.url}/shard-000000.tar", copy / "shard-000002.tar")
    source = opened(Dataset.open(str(copy)), held_out=0)
    with pytest.raises(DatasetError, match="shard 2 holds 7 images, not 20"):
        source.batch(0, 240)


@pytest.fixture
def damaged(tmp_path, folder):
    """A copy of the folder in which three images cannot be read."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for name in ("017.png", "018.png", "101.png"):
        (copy / name).write_bytes(b"no image")
    return open_labelled(str(copy))


@pytest.mark.parametrize("share", [0, 0.5])
def test_images_that_cannot_be_read_are_left_out_and_named(damaged, folder, share):
    source, whole = opened(damaged, held_out=share), opened(open_labelled(folder), held_out=share)
    images, texts = source.batch(0, 250)
    assert images[:, 0, 0, 0].tolist() == [int(text) for text in texts]
    held = source.held_out(1000)[1] if share else []
    assert not {"017", "018", "101"} & {*texts, *held}
    untouched = [row for row, text in enumerate(whole.batch(0, 250)[1]) if text not in ("017", "018", "101")]
    assert [texts[row] for row in untouched] == [whole.batch(0, 250)[1][row] for row in untouched]
    left_out = source.describe()["left_out"]
    assert left_out["count"] == 3
    assert list(left_out["first"]) == ["017.png", "018.png", "101.png"]
    assert "not a PNG" in left_out["first"]["017.png"]


def test_what_cannot_be_read_does_not_change_what_is_held_out(damaged, folder):
    whole, source = labelled_images(folder, held_out=0.3), labelled_images(damaged, held_out=0.3)
    held = whole.held_out(1000)[1]
    assert source.held_out(1000)[1] == [text for text in held if text not in ("017", "018", "101")]
    assert source.describe()["images"] == 247
    assert source.describe()["left_out"]["count"] == 3


def test_a_folder_of_which_nothing_can_be_read_is_refused(tmp_path, folder):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for path in copy.glob("*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(DatasetError, match="none of 60 images in a row can be read"):
        Streamed(pieces_of(open_labelled(str(copy)), 0), size=(9, 7), held_out=0).batch(0, 60)
    with pytest.raises(DatasetError, match="holds no images that can be read, the first: not a PNG"):
        labelled_images(str(copy), size=(9, 7))


def test_a_run_cut_in_slices_ends_with_the_weights_of_an_uncut_one(tmp_path, dataset):
    made = TrainingPlan.make(
        problem={"charset": "0123", "lengths": (4, 4), "size": (48, 24)},
        settings={"channels": (4, 8, 8, 8), "column": 4},
        batch=16,
        images=16 * 30,
        validation=20,
    )
    runtime = slices.Runtime(torch.device("cpu"))

    def ended(name, stops):
        result = None
        while result is None or not result.finished:
            steps = iter([False] * stops)
            result = slices.train_slice(
                tmp_path / name,
                made,
                opened(dataset),  # a new one each slice, as on another machine
                result.step if result else 0,
                stop=lambda: next(steps, True),  # noqa: B023 (called within this turn of the loop)
                runtime=runtime,
            )
        weights = checkpoint.load(result.checkpoint).weights
        return {key: array.tobytes() for key, array in weights.items()}

    assert ended("cut", 7) == ended("uncut", 10**6)
