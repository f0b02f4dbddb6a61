import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from captcha_core.datasets import LabelledFolder, Sample
from captcha_core.datasets.decoding import load_images
from captcha_core.errors import DatasetError, InputError, LabelError
from captcha_core.machine import cores


def _images(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        Image.new("RGB", (30, 20), (number * 10, 0, 0)).save(folder / name)


def test_labels_in_file_names(tmp_path: Path) -> None:
    _images(tmp_path, "AB12_7.png", "C9.png", "X_Y_Z.png")
    assert dict(LabelledFolder.open(str(tmp_path)).labels) == {
        "AB12_7.png": "AB12",
        "C9.png": "C9",
        "X_Y_Z.png": "X",
    }


def test_labels_in_lines_follow_numeric_names(tmp_path: Path) -> None:
    _images(tmp_path, "1.png", "2.png", "10.png")
    (tmp_path / "labels.txt").write_text("one\r\ntwo\r\nten\r\n")
    assert LabelledFolder.open(str(tmp_path)).labels == (
        ("1.png", "one"),
        ("2.png", "two"),
        ("10.png", "ten"),
    )


@pytest.mark.parametrize(
    "table",
    [
        "file_name,text\na.png,ONE\nb.png,TWO\n",
        "id,text,file_name\n1,ONE,a.png\n2,TWO,b.png\n",
        "a.png,ONE\nb.png,TWO\n",
    ],
)
def test_labels_in_a_table(tmp_path: Path, table: str) -> None:
    _images(tmp_path, "a.png", "b.png", "unlabelled.png")
    (tmp_path / "labels.csv").write_text(table)
    assert LabelledFolder.open(str(tmp_path)).labels == (("a.png", "ONE"), ("b.png", "TWO"))


def test_a_table_cannot_reach_outside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    _images(tmp_path, "secret.png")
    _images(tmp_path / "set", "a.png")
    (tmp_path / "set" / "labels.csv").write_text("../secret.png,X\n")
    with pytest.raises(LabelError, match="no image"):
        LabelledFolder.open(str(tmp_path / "set"))


def test_a_count_that_does_not_match_is_said(tmp_path: Path) -> None:
    _images(tmp_path, "1.png", "2.png")
    (tmp_path / "labels.txt").write_text("one\n")
    with pytest.raises(LabelError, match="1 label for 2 images"):
        LabelledFolder.open(str(tmp_path))


def test_a_short_row_is_named_by_its_line(tmp_path: Path) -> None:
    _images(tmp_path, "a.png")
    (tmp_path / "labels.csv").write_text("file_name,text\na.png,X\nb.png\n")
    with pytest.raises(LabelError, match="line 3"):
        LabelledFolder.open(str(tmp_path))


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("one\n")
    with pytest.raises(InputError, match="no images"):
        LabelledFolder.open(str(tmp_path))
    with pytest.raises(InputError, match="no such folder"):
        LabelledFolder.open(str(tmp_path / "nowhere"))


def test_images_load_into_one_array(tmp_path: Path) -> None:
    _images(tmp_path, "A.png", "B.png", "C.png")
    Image.new("RGB", (60, 40), (20, 0, 0)).save(tmp_path / "C.png")
    images, texts = load_images(str(tmp_path), grey=False)
    assert images.shape == (3, 20, 30, 3)
    assert images[:, 0, 0, 0].tolist() == [0, 10, 20]
    assert texts == ["A", "B", "C"]


def test_a_damaged_image_is_named(tmp_path: Path) -> None:
    _images(tmp_path, "A.png")
    (tmp_path / "B.png").write_bytes(b"no image")
    with pytest.raises(DatasetError, match=r"B\.png"):
        load_images(str(tmp_path), grey=True)


class Counted(LabelledFolder):
    """Keeps the names of the images that were taken."""

    @functools.cached_property
    def taken(self) -> list[str]:
        return []

    def samples(self, start: int, count: int) -> Iterator[Sample]:
        for sample in super().samples(start, count):
            self.taken.append(sample.key)
            yield sample


def test_images_are_taken_as_they_are_decoded(tmp_path: Path) -> None:
    _images(tmp_path, "A.png")
    (tmp_path / "B.png").write_bytes(b"no image")
    many = 100 * cores()
    folder = Counted(LabelledFolder.open(str(tmp_path)).folder, (("A.png", "A"), *[("B.png", "B")] * many))
    with pytest.raises(DatasetError, match=r"B\.png"):
        load_images(folder, grey=True)
    assert len(folder.taken) <= 1 + 4 * cores()


def test_the_first_fault_in_order_is_told(tmp_path: Path) -> None:
    _images(tmp_path, "A.png", "C.png")
    (tmp_path / "B.png").write_bytes(b"no image")
    (tmp_path / "D.png").write_bytes(b"")
    folder = LabelledFolder.open(str(tmp_path))
    gone = ("gone.png", "gone")
    with pytest.raises(DatasetError, match=r"B\.png"):
        load_images(replace(folder, labels=(*folder.labels, gone)), grey=True)
    with pytest.raises(FileNotFoundError):
        load_images(replace(folder, labels=(folder.labels[0], gone, *folder.labels[1:])), grey=True)
