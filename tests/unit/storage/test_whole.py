import os
import time

import pytest

from captcha_core.storage.whole import whole_folder


def put(target, text, *, replace):
    with written_aside(target, replace=replace) as aside:
        (aside / "file").write_text(text)


def test_a_folder_appears_whole(tmp_path):
    target = tmp_path / "deep" / "folder"
    with written_aside(target, replace=False) as aside:
        (aside / "file").write_text("new")
        assert not target.exists()
    assert (target / "file").read_text() == "new"
    assert [path.name for path in target.parent.iterdir()] == ["folder"]


@pytest.mark.parametrize(("replace", "left"), [(True, "second"), (False, "first")])
def test_who_wins(tmp_path, replace, left):
    put(tmp_path / "folder", "first", replace=False)
    put(tmp_path / "folder", "second", replace=replace)
    assert (tmp_path / "folder" / "file").read_text() == left
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("replace", [True, False])
def test_a_failure_leaves_what_was(tmp_path, replace):
    put(tmp_path / "folder", "first", replace=False)
    with pytest.raises(ZeroDivisionError), written_aside(tmp_path / "folder", replace=replace):
        _ = 1 / 0
    assert (tmp_path / "folder" / "file").read_text() == "first"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_in_the_way_is_an_error(tmp_path):
    (tmp_path / "folder").write_text("mine")
    with pytest.raises(OSError, match="folder"):
        put(tmp_path / "folder", "new", replace=False)
    assert (tmp_path / "folder").read_text() == "mine"


def test_leftovers_of_a_crash_are_swept_after_an_hour(tmp_path):
    for name in (".old.1.tmp", ".new.2.tmp"):
        (tmp_path / name).mkdir()
    os.utime(tmp_path / ".old.1.tmp", (time.time() - 7200,) * 2)
    put(tmp_path / "folder", "text", replace=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".new.2.tmp", "folder"]
