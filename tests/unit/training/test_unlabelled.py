"""Unlabelled images in a run's folder: which are taken, which are left out and why."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_core.errors import InputError
from captcha_core.inputs import Entry, Source, find_source
from captcha_core.training import InMemory, RunFolder, TrainingPlan, unlabelled
from captcha_core.training.run_folder import NotOwnerError
from tests.unit.training.test_slices import plan

_SIZE = (48, 24)


def _image(seed: int, size: tuple[int, int] = _SIZE) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, size[::-1], dtype=np.uint8))


def _labelled(*seeds: int, held_out: float = 0.0) -> InMemory:
    return InMemory(
        np.stack([np.array(_image(seed)) for seed in seeds]), ["1"] * len(seeds), held_out=held_out
    )


def _all(run: Path, source: Source, labelled: InMemory, made: TrainingPlan) -> None:
    folder = RunFolder(run)
    for part in range(unlabelled.list_images(folder, source, made).parts):
        unlabelled.decode_part(folder, part, source, labelled, made)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(4):
        _image(number).save(folder / f"{number}.png")
    return folder


def test_images_are_decoded_to_the_networks_size(tmp_path: Path, images: Path) -> None:
    _image(9, (100, 40)).save(images / "large.bmp")
    Image.new("RGB", (5, 90)).save(images / "high.png")
    _all(tmp_path / "run", find_source(str(images)), _labelled(50), plan())
    part = unlabelled.part(tmp_path / "run", 0)
    assert sorted(part.paths) == ["0.png", "1.png", "2.png", "3.png", "high.png", "large.bmp"]
    assert part.images.shape == (6, 24, 48, 1)
    np.testing.assert_array_equal(part.images[part.paths.index("2.png"), :, :, 0], np.array(_image(2)))


def test_unreadable_images_are_left_out_with_their_cause(tmp_path: Path, images: Path) -> None:
    (images / "cut.png").write_bytes((images / "1.png").read_bytes()[:60])
    (images / "empty.jpg").touch()
    (images / "gone.png").symlink_to(tmp_path / "nowhere")
    _all(tmp_path / "run", find_source(str(images)), _labelled(50), plan())
    refused = dict(unlabelled.refused(tmp_path / "run"))
    assert refused.keys() == {"cut.png", "empty.jpg", "gone.png"}
    assert all(reason.startswith("unreadable: ") for reason in refused.values())
    assert len(unlabelled.part(tmp_path / "run", 0).paths) == 4


def test_an_image_that_is_labelled_is_left_out_under_any_name_and_format(
    tmp_path: Path, images: Path
) -> None:
    _image(2).save(images / "other-name.bmp")
    _image(60).convert("RGB").save(images / "held-out.png")
    labelled = _labelled(2, 60, held_out=0.5)
    _all(tmp_path / "run", find_source(str(images)), labelled, plan())
    assert dict(unlabelled.refused(tmp_path / "run")) == {
        "2.png": "a labelled image",
        "other-name.bmp": "a labelled image",
        "held-out.png": "a labelled image",
    }


def test_of_images_that_are_the_same_one_is_taken_across_parts_too(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unlabelled, "_A_PART", 2)
    _image(0).save(images / "0-copy.bmp")
    _image(3).save(images / "z.png")
    _all(tmp_path / "run", find_source(str(images)), _labelled(50), plan())
    refused = dict(unlabelled.refused(tmp_path / "run"))
    assert len(refused) == 2
    assert {reason.removeprefix("the same image as ")[0] for reason in refused.values()} == {"0", "3"}
    paths = [path for part in range(3) for path in unlabelled.part(tmp_path / "run", part).paths]
    assert sorted(path[0] for path in paths) == ["0", "1", "2", "3"]


def test_archives_are_read_where_they_lie(tmp_path: Path, images: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for path in images.iterdir():
            archive.write(path, f"inner/{path.name}")
    _all(tmp_path / "run", find_source(str(tmp_path / "images.zip")), _labelled(50), plan())
    assert sorted(unlabelled.part(tmp_path / "run", 0).paths) == [f"inner/{n}.png" for n in range(4)]


def test_a_listing_is_made_once(tmp_path: Path, images: Path) -> None:
    run, source = RunFolder(tmp_path / "run"), find_source(str(images))
    before = unlabelled.list_images(run, source, plan())
    _image(70).save(images / "late.png")
    assert unlabelled.list_images(run, source, plan()) == before
    assert (before.listed, len(before.entries)) == (4, 4)


def test_of_too_many_some_are_drawn_by_the_seed_from_all_of_them() -> None:
    entries = [Entry(f"{number}.png") for number in range(1000)]

    def drawn(seed: int) -> list[int]:
        listing = unlabelled._drawn(iter(entries), 100, seed)
        assert listing.listed == 1000
        return [int(str(value).partition(".")[0]) for value in listing.entries]

    numbers = drawn(1)
    assert numbers == drawn(1) != drawn(2)
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 100
    assert 350 < np.mean(numbers) < 650  # five standard deviations


def test_images_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        find_source(str(tmp_path / "nowhere"))


def test_nothing_is_written_into_another_runs_folder(tmp_path: Path, images: Path) -> None:
    RunFolder(tmp_path / "run", "other").begin({"plan": {}})
    with pytest.raises(NotOwnerError):
        unlabelled.list_images(RunFolder(tmp_path / "run", "mine"), find_source(str(images)), plan())
