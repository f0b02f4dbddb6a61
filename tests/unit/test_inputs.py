from pathlib import Path

import pytest

from captcha_core.errors import DatasetError
from captcha_core.inputs import list_images


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.png", "a.JPG", "10.webp", "notes.txt", "sub/c.gif", "sub/deep/d.bmp", "also/e.jpeg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def test_images_come_in_the_order_of_their_names(tree: Path) -> None:
    assert list(list_images(tree)) == ["10.webp", "a.JPG", "b.png"]


def test_folders_come_after_the_files_beside_them(tree: Path) -> None:
    assert list(list_images(tree, recursive=True)) == [
        "10.webp", "a.JPG", "b.png", "also/e.jpeg", "sub/c.gif", "sub/deep/d.bmp",
    ]  # fmt: skip


def test_a_link_in_a_circle_does_not_trap_the_listing(tree: Path) -> None:
    (tree / "sub" / "loop").symlink_to(tree)
    assert len(list(list_images(tree, recursive=True))) == 6


def test_a_link_to_an_image_is_an_image(tree: Path) -> None:
    (tree / "z.png").symlink_to(tree / "b.png")
    assert list(list_images(tree))[-1] == "z.png"


@pytest.mark.parametrize(("name", "word"), [("nowhere", "no such folder"), ("b.png", "capq solve")])
def test_a_wrong_place_is_named(tree: Path, name: str, word: str) -> None:
    with pytest.raises(DatasetError, match=word):
        list(list_images(tree / name))
