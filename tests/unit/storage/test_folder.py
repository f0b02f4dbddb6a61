from pathlib import Path

import pytest

from captcha_core.errors import ForeignOutputError, InputError, StorageError
from captcha_core.storage import Folder


@pytest.fixture(params=["local", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    url = str(tmp_path / "data") if request.param == "local" else f"memory://{tmp_path.name}/data"
    found = Folder(url)
    found.create()
    return found


def test_what_is_written_is_read_back(folder: Folder) -> None:
    folder.write("a.bin", b"1")
    folder.write("a.bin", b"2")
    assert folder.read("a.bin") == b"2"
    assert folder.exists("a.bin")
    assert not folder.exists("b.bin")


def test_names_are_sorted_and_filtered(folder: Folder) -> None:
    for name in ("b.json", "a.json", "c.tar"):
        folder.write(name, b"")
    assert folder.names(".json") == ["a.json", "b.json"]


def test_folders_nest(folder: Folder) -> None:
    inner = folder / ".capq"
    inner.create()
    inner.write("x", b"y")
    assert folder.read(".capq/x") == b"y"


def test_a_missing_file_is_said_to_be_missing(folder: Folder) -> None:
    with pytest.raises(FileNotFoundError):
        folder.read("nothing")


def test_lines_stream_without_their_ends(folder: Folder) -> None:
    folder.write("l.txt", "a\nü\r\n\nz".encode())
    assert list(folder.read_lines("l.txt")) == ["a", "ü", "", "z"]


def test_removing_twice_is_no_error(folder: Folder) -> None:
    folder.write("a", b"")
    folder.remove()
    folder.remove()
    assert not folder.exists()


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "", "."])
def test_names_cannot_leave_the_folder(folder: Folder, name: str) -> None:
    with pytest.raises(InputError):
        folder.write(name, b"")


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    (tmp_path / "taken").mkdir()
    with pytest.raises(ForeignOutputError, match="taken"):
        folder.write("taken", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        Folder(tmp_path / "file" / "below").create()


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(InputError, match="nope"):
        Folder("nope://x/y")
