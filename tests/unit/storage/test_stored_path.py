import io
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from captcha_core.errors import ForeignOutputError, StorageError
from captcha_core.storage import AnyPath, as_path, new_folder, remove_tree, stands


@pytest.fixture
def root(tmp_path: Path) -> Iterator[AnyPath]:
    """A folder in a store, of the test's own."""
    name = tmp_path.name
    yield as_path(f"memory://{name}")
    files = fsspec.filesystem("memory")
    if files.exists(f"/{name}"):
        files.rm(f"/{name}", recursive=True)


def _write(path: AnyPath, data: bytes = b"x") -> None:
    with fsspec.open(str(path), "wb") as file:
        file.write(data)


def test_a_string_means_a_path_of_this_machine_or_of_a_store(tmp_path: Path, root: AnyPath) -> None:
    assert as_path(str(tmp_path)) == tmp_path
    assert as_path(f"file://{tmp_path}") == tmp_path
    assert as_path("~/x") == Path.home() / "x"
    assert str(root / "a" / "b.json") == f"{root}/a/b.json"
    assert as_path(root) is root
    assert (root / "a").with_name("c") == root / "c"
    assert {root / "a": 1}[root / "a"] == 1


def test_reading_is_that_of_paths(root: AnyPath) -> None:
    _write(root / "a" / "b.json", b"data")
    assert (root / "a" / "b.json").read_bytes() == b"data"
    assert (root / "a" / "b.json").stat().st_size == 4
    assert (root / "a").is_dir()
    assert not (root / "a").is_file()
    assert [path.name for path in root.iterdir()] == ["a"]
    assert list(root.glob("*/b.json")) == [root / "a" / "b.json"]
    assert list((root / "none").glob("*")) == []
    with pytest.raises(FileNotFoundError):
        (root / "none").read_bytes()
    with pytest.raises(FileNotFoundError):
        (root / "none").unlink()
    (root / "none").unlink(missing_ok=True)


def test_a_folder_appears_with_the_file_that_completes_it_last(
    root: AnyPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    put_file = fsspec.get_filesystem_class("memory").put_file

    def note(self: object, source: str, path: str, **options: object) -> None:
        sent.append(path.rpartition("/")[2])
        put_file(self, source, path, **options)

    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "put_file", note)
    with new_folder(root / "state", "a.json") as aside:
        for name in ("b", "a.json", "c"):
            (aside / name).write_bytes(name.encode())
    assert sent == ["b", "c", "a.json"]


def test_a_folder_that_is_complete_stays_and_one_that_is_not_is_replaced(root: AnyPath) -> None:
    _write(root / "state" / "tensors", b"of a worker that was killed")
    for content in (b"first", b"second"):
        with new_folder(root / "state", "a.json") as aside:
            (aside / "a.json").write_bytes(content)
    assert [path.name for path in (root / "state").iterdir()] == ["a.json"]
    assert (root / "state" / "a.json").read_bytes() == b"first"


def test_nothing_is_sent_of_a_block_that_fails(root: AnyPath) -> None:
    with pytest.raises(ZeroDivisionError), new_folder(root / "state", "a") as aside:
        (aside / "a").write_bytes(b"x")
        raise ZeroDivisionError
    assert not stands(root / "state")


def test_what_the_check_objects_to_stays(root: AnyPath) -> None:
    _write(root / "model" / "own.txt")

    def refuse(path: AnyPath) -> None:
        raise ForeignOutputError(f"{path} holds own.txt")

    with pytest.raises(ForeignOutputError), new_folder(root / "model", "a", check=refuse):
        pass
    assert (root / "model" / "own.txt").is_file()
    with new_folder(root / "model", "a", check=lambda path: None) as aside:
        (aside / "a").write_bytes(b"new")
    assert [path.name for path in (root / "model").iterdir()] == ["a"]
    remove_tree(root / "model")
    assert not stands(root / "model")


def test_a_file_in_the_way_of_a_folder_stays(root: AnyPath) -> None:
    _write(root / "model")
    with pytest.raises(ForeignOutputError, match="is a file"), new_folder(root / "model", "a"):
        pass
    assert (root / "model").read_bytes() == b"x"


def test_a_store_that_is_not_reached_is_a_storage_error() -> None:
    class Unreachable(fsspec.get_filesystem_class("memory")):  # type: ignore[misc]
        protocol = "offline"
        cachable = False

        def cat_file(self, *_: object, **__: object) -> bytes:
            raise io.UnsupportedOperation("offline")

    fsspec.register_implementation("offline", Unreachable, clobber=True)
    with pytest.raises(StorageError, match="offline"):
        as_path("offline://bucket/a").read_bytes()
