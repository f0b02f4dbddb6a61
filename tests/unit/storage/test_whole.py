import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import pytest

from captcha_core.errors import ForeignOutputError, OutputExistsError, StorageError
from captcha_core.storage.whole import leftover_of, stepped_aside, whole_file, whole_folder
from tests.faults import disk

HOURS_AGO = (time.time() - 7200,) * 2


def anything(path: Path) -> None:
    """A check that objects to nothing."""


def put(target: Path, text: str, **options) -> None:
    with whole_folder(target, **options) as aside:
        (aside / "file").write_text(text)


def put_file(target: Path | str, text: str, **options) -> None:
    with whole_file(target, **options) as file:
        file.write(text.encode())


def killed_while_writing(target: Path, kind: str) -> Path:
    """Let a process write to `target` and die before the end; returns what it left behind."""
    script = f"""
import os, signal, sys
from pathlib import Path
from captcha_core.storage.whole import whole_file, whole_folder
with whole_{kind}(Path(sys.argv[1]), {"check=print" if kind == "folder" else ""}) as written:
    if {kind == "folder"}:
        (written / "file").write_text("half")
    else:
        written.write(b"half" * 10_000)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    process = subprocess.run([sys.executable, "-c", script, str(target)], check=False, capture_output=True)
    assert process.returncode == -signal.SIGKILL, process.stderr
    (leftover,) = (path for path in target.parent.iterdir() if leftover_of(path.name) == target.name)
    return leftover


def make_old(leftover: Path) -> None:
    for path in (*(leftover.iterdir() if leftover.is_dir() else ()), leftover):
        os.utime(path, HOURS_AGO)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_whole(tmp_path):
    target = tmp_path / "deep" / "folder"
    with whole_folder(target) as aside:
        (aside / "file").write_text("new")
        assert not target.exists()
    assert (target / "file").read_text() == "new"
    assert names(target.parent) == ["folder"]


def test_a_file_appears_whole(tmp_path):
    target = tmp_path / "file"
    put_file(target, "old")
    with whole_file(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(("options", "left"), [({"check": anything}, "second"), ({}, "first")])
def test_who_wins(tmp_path, options, left):
    put(tmp_path / "folder", "first")
    put(tmp_path / "folder", "second", **options)
    assert (tmp_path / "folder" / "file").read_text() == left
    assert names(tmp_path) == ["folder"]


@pytest.mark.parametrize("options", [{"check": anything}, {}])
def test_an_empty_folder_gives_way(tmp_path, options):
    (tmp_path / "folder").mkdir()
    put(tmp_path / "folder", "new", **options)
    assert (tmp_path / "folder" / "file").read_text() == "new"


@pytest.mark.parametrize("options", [{"check": anything}, {}])
def test_a_failure_leaves_what_was(tmp_path, options):
    put(tmp_path / "folder", "first")
    put_file(tmp_path / "file", "first")
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "folder", **options):
        _ = 1 / 0
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "file") as file:
        file.write(b"second")
        _ = 1 / 0
    assert (tmp_path / "folder" / "file").read_text() == "first"
    assert (tmp_path / "file").read_text() == "first"
    assert names(tmp_path) == ["file", "folder"]


@pytest.mark.parametrize("options", [{"check": anything}, {}])
def test_a_file_in_the_way_is_no_folder_to_replace(tmp_path, options):
    (tmp_path / "folder").write_text("mine")
    with pytest.raises(ForeignOutputError, match="folder is a file"):
        put(tmp_path / "folder", "new", **options)
    assert (tmp_path / "folder").read_text() == "mine"
    with pytest.raises(StorageError, match="below: File exists"):
        put(tmp_path / "folder" / "below", "new", **options)


def test_a_folder_in_the_way_of_a_file_stays(tmp_path):
    put(tmp_path / "folder", "mine")
    with pytest.raises(ForeignOutputError, match="folder is a folder"):
        put_file(tmp_path / "folder", "new")
    assert (tmp_path / "folder" / "file").read_text() == "mine"


@pytest.mark.parametrize("options", [{"check": anything}, {}])
def test_a_link_in_the_way_keeps_what_it_leads_to(tmp_path, options):
    put(tmp_path / "own", "mine")
    (tmp_path / "link").symlink_to("own")
    with pytest.raises(ForeignOutputError, match="link is a link"):
        put(tmp_path / "link", "new", **options)
    assert (tmp_path / "link" / "file").read_text() == "mine"
    assert names(tmp_path) == ["link", "own"]


def test_what_the_check_objects_to_stays_even_if_it_comes_late(tmp_path):
    def refuse_notes(path: Path) -> None:
        if (path / "notes").exists():
            raise OutputExistsError("notes")

    put(tmp_path / "folder", "first")
    with pytest.raises(OutputExistsError), whole_folder(tmp_path / "folder", check=refuse_notes):
        (tmp_path / "folder" / "notes").write_text("written meanwhile")
    assert names(tmp_path / "folder") == ["file", "notes"]
    assert names(tmp_path) == ["folder"]


def test_what_is_found_when_the_old_folder_has_stepped_aside_goes_back(tmp_path):
    looks = []

    def refuse_the_third_time(path: Path) -> None:
        looks.append(path)
        if len(looks) == 3:
            raise OutputExistsError("changed")

    put(tmp_path / "folder", "first")
    with pytest.raises(OutputExistsError):
        put(tmp_path / "folder", "second", check=refuse_the_third_time)
    assert looks[2].name != "folder"
    assert (tmp_path / "folder" / "file").read_text() == "first"
    assert names(tmp_path) == ["folder"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_writer_that_is_killed_leaves_the_old_and_the_next_one_cleans_up(tmp_path, kind):
    target = tmp_path / "target"
    write = put_file if kind == "file" else put
    options = {} if kind == "file" else {"check": anything}
    write(target, "old", **options)
    leftover = killed_while_writing(target, kind)
    content = target if kind == "file" else target / "file"
    assert content.read_text() == "old"
    write(target, "new", **options)
    assert leftover.exists()  # its writer may be at work still
    make_old(leftover)
    write(target, "newer", **options)
    assert content.read_text() == "newer"
    assert names(tmp_path) == ["target"]


def test_leftovers_of_other_targets_and_programs_stay(tmp_path):
    kept = [
        ".mine.tmp",
        ".other.4711-0a1b2c3d.tmp",
        ".target.tmp",
        ".target.4711.tmp",
        ".target.0a1b2c3d.tmp",
        ".target.x-0a1b2c3d.tmp",
        ".target.4711-0a1b2c3d.tmp.bak",
        ".target.4711-0A1B2C3D.tmp",
    ]
    for folder, write in ((tmp_path / "folders", put), (tmp_path / "files", put_file)):
        folder.mkdir()
        for name in kept:
            put(folder / name, "keep")
            os.utime(folder / name / "file", HOURS_AGO)
            os.utime(folder / name, HOURS_AGO)
        write(folder / "target", "new")
        assert names(folder) == sorted([*kept, "target"])


def test_a_leftover_that_is_still_written_to_stays(tmp_path):
    leftover = tmp_path / ".target.4711-0a1b2c3d.tmp"
    put(leftover, "half")
    os.utime(leftover, HOURS_AGO)  # the folder's own time is that of its newest name
    put(tmp_path / "target", "new")
    assert leftover.exists()


def test_an_old_folder_whose_successor_never_came_stays_until_there_is_one(tmp_path):
    old = tmp_path / ".target.4711-0a1b2c3d.old"
    put(old, "the only copy")
    make_old(old)
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "target"):
        _ = 1 / 0
    assert (old / "file").read_text() == "the only copy"
    put(tmp_path / "target", "new")
    put(tmp_path / "target", "newer", check=anything)
    assert names(tmp_path) == ["target"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_write_that_fails_is_a_storage_error(tmp_path, kind):
    """For real: a process whose files may have 4 KiB."""
    script = f"""
import resource, signal, sys
from pathlib import Path
from captcha_core.errors import StorageError
from captcha_core.storage.whole import whole_file, whole_folder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    with whole_{kind}(Path(sys.argv[1])) as written:
        if {kind == "folder"}:
            (written / "file").write_bytes(bytes(10_000))
        else:
            written.write(bytes(100_000))
except StorageError as error:
    print(error, error.retryable)
"""
    ran = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "target")], check=True, capture_output=True, text=True
    )
    assert ran.stdout.strip() == f"cannot write {tmp_path / 'target'}: File too large True"
    assert names(tmp_path) == []


def test_errors_of_what_the_writer_reads_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError, match="source"), whole_file(tmp_path / "file") as file:
        file.write((tmp_path / "source").read_bytes())
    assert names(tmp_path) == []


def test_a_name_of_its_own_for_the_temporary_file(tmp_path):
    with whole_file(tmp_path / "events.tfevents", named="slice") as file:
        file.write(b"x")
        assert leftover_of(names(tmp_path)[0]) == "slice"
    assert names(tmp_path) == ["events.tfevents"]


def test_a_remote_file_appears_whole(tmp_path):
    url = f"memory://{tmp_path.name}/file"
    filesystem, path = fsspec.url_to_fs(url)
    with pytest.raises(ZeroDivisionError), whole_file(url) as file:
        file.write(b"half")
        _ = 1 / 0
    assert not filesystem.exists(path)
    put_file(url, "whole")
    assert filesystem.cat_file(path) == b"whole"


def test_a_local_url_is_a_local_file(tmp_path):
    with whole_file(f"file://{tmp_path}/file") as file:
        file.write(b"new")
        assert not (tmp_path / "file").exists()
    assert (tmp_path / "file").read_bytes() == b"new"


def test_stepping_aside_is_undone_by_an_error(tmp_path):
    put(tmp_path / "folder", "mine")
    with pytest.raises(ZeroDivisionError), stepped_aside(tmp_path / "folder"):
        assert not (tmp_path / "folder").exists()
        _ = 1 / 0
    assert (tmp_path / "folder" / "file").read_text() == "mine"


def test_a_folder_that_is_gone_does_not_come_back_for_what_was_to_go_into_it(tmp_path: Path) -> None:
    with pytest.raises(StorageError), whole_folder(tmp_path / "gone" / "state", parents=False):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    if reason := disk.unavailable(tmp_path):
        pytest.skip(reason)
    with disk.disk(tmp_path, 1) as mounted:
        assert mounted.make_read_only()
        with pytest.raises(StorageError, match=r"cannot write .*/target: Read-only file system"):
            put_file(tmp_path / "target", "new")
