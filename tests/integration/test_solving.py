"""`capq solve-dir` on a worker: while it is listed, again, and in every form of input."""

import json
import os
import re
import signal
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from captcha.image import ImageCaptcha

from captcha_core.tables import Row
from captcha_core.tables.formats import read_table
from tests.conftest import Capq, ListedReading, start_worker, wait_until
from workers.ledger.job import State
from workers.ledger.leases import FINISH
from workers.ledger.ledger import Ledger

ALNUM = ("--checkpoint", "alnum-170x80")  # reads four to six characters
ALNUM_LOWER = "0123456789abcdefghijklmnopqrstuvwxyz"
LABELS = ("AB12", "7XK3", "Q0PZ", "M4ND", "H9TW", "5RCV", "JL8E", "U6SY")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight images whose names are what they say."""
    folder = tmp_path_factory.mktemp("images")
    writer = ImageCaptcha(170, 80)
    for label in LABELS:
        writer.write(label, str(folder / f"{label}.png"))
    return folder


@pytest.fixture
def folder(images: Path, capq: Capq) -> Path:
    """A copy of these by links, and a worker that reads them."""
    found = capq.folder / "images"
    found.mkdir()
    for path in images.iterdir():
        os.link(path, found / path.name)
    start_worker(capq, "gpu", processes=1)
    return found


def _rows(capq: Capq, name: str = "results.csv") -> list[Row]:
    return list(read_table(str(capq.folder / name)))


class Lister(ListedReading):
    """A reading of `images`, two a batch."""

    def __init__(self, capq: Capq, *options: object) -> None:
        super().__init__(capq, "--batch", 2, "--out", capq.folder / "results.csv", *options)

    def name(self, *labels: str) -> None:
        self.list(*(f"images/{label}.png" for label in labels))


def _only_job(ledger: Ledger) -> Any:
    return next(iter(ledger.jobs()), None)


def _all_ended(ledger: Ledger, units: int) -> bool:
    job = _only_job(ledger)
    return job is not None and job.done == units


def test_batches_are_read_while_the_listing_goes_on(capq: Capq, folder: Path, ledger: Ledger) -> None:
    lister = Lister(capq)
    lister.name(*LABELS[:4])
    wait_until(lambda: _all_ended(ledger, 2), "two batches")
    job = _only_job(ledger)
    # All that is known has ended, and the job has not: more may come.
    assert (job.state, job.total, job.published) == (State.RUNNING, -1, 2)
    assert list((capq.folder / "results.csv.parts").glob("*/*.rows.json"))
    lister.name(*LABELS[4:7])
    output = lister.end()
    assert lister.process.returncode == 0, output
    assert [row.path for row in _rows(capq)] == [f"images/{label}.png" for label in LABELS[:7]]
    assert ledger.get(job.id).total == 4


def test_a_listing_whose_command_died_is_taken_up(capq: Capq, folder: Path, ledger: Ledger) -> None:
    first = Lister(capq)
    first.name(*LABELS[:5])
    wait_until(lambda: _all_ended(ledger, 2), "two batches")
    first.process.kill()
    first.process.wait()
    job = _only_job(ledger)
    assert (job.state, job.total) == (State.RUNNING, -1)
    again = Lister(capq)
    again.name(*LABELS)
    output = again.end()
    assert again.process.returncode == 0, output
    assert job.id in output
    assert [found.id for found in ledger.jobs()] == [job.id]
    assert [row.path for row in _rows(capq)] == [f"images/{label}.png" for label in LABELS]


def test_what_a_command_that_died_had_read_is_dropped_for_another_reading(
    capq: Capq, folder: Path, ledger: Ledger
) -> None:
    first = Lister(capq)
    first.name(*LABELS[:3])
    wait_until(lambda: _all_ended(ledger, 1), "a batch")
    first.process.kill()
    first.process.wait()
    again = Lister(capq, "--characters", "--overwrite")
    again.name(*LABELS)
    output = again.end()
    assert again.process.returncode == 0, output
    assert [job.state for job in ledger.jobs()] == [State.DONE, State.CANCELLED]
    rows = _rows(capq)
    assert [row.path for row in rows] == [f"images/{label}.png" for label in LABELS]
    assert all(row.characters for row in rows)


def test_ctrl_c_while_listing_stops_and_the_same_command_goes_on(
    capq: Capq, folder: Path, ledger: Ledger
) -> None:
    first = Lister(capq)
    first.name(*LABELS[:5])
    wait_until(lambda: _all_ended(ledger, 2), "two batches")
    first.process.send_signal(signal.SIGINT)
    output = first.end()
    assert first.process.returncode == 130
    assert "same command" in output
    assert _only_job(ledger).state is State.CANCELLED
    again = Lister(capq)
    again.name(*LABELS)
    again.end()
    assert [row.path for row in _rows(capq)] == [f"images/{label}.png" for label in LABELS]


def test_a_job_cancelled_while_it_is_listed_ends_its_command(
    capq: Capq, folder: Path, ledger: Ledger
) -> None:
    lister = Lister(capq)
    lister.name(*LABELS[:4])
    wait_until(lambda: _all_ended(ledger, 2), "two batches")
    capq("cancel", _only_job(ledger).id)
    lister.name(*LABELS[4:])
    output = lister.end()
    assert lister.process.returncode == 1
    assert "cancelled" in output
    assert not (capq.folder / "results.csv").exists()


def test_a_finish_that_was_never_asked_for_is_asked_for_by_a_live_worker(
    capq: Capq, folder: Path, ledger: Ledger
) -> None:
    lister = Lister(capq)
    lister.name(*LABELS[:4])
    wait_until(lambda: _all_ended(ledger, 2), "two batches")
    lister.process.kill()
    lister.process.wait()
    job = _only_job(ledger)
    # What a command does at the end of its listing, up to the moment before it asks for the finish.
    (parts,) = (capq.folder / "results.csv.parts").iterdir()
    (parts / "listed.json").write_text(json.dumps({"images": 4, "batches": 2}))
    publisher = wait_until(lambda: ledger.hold_publishing(job.id), "the end of the dead command's lease")
    assert ledger.fix_total(job.id, publisher.owner, 2) == FINISH
    publisher.release()
    assert capq.json("wait", job.id)["state"] == "done"
    assert len(_rows(capq)) == 4


def test_a_listing_that_fails_fails_the_job_and_keeps_what_was_read(
    capq: Capq, folder: Path, ledger: Ledger
) -> None:
    with tarfile.open(capq.folder / "x.tar", "w") as archive:
        for label in LABELS:
            archive.add(folder / f"{label}.png", f"{label}.png")
    whole = (capq.folder / "x.tar").read_bytes()
    third = sum(-(-(folder / f"{label}.png").stat().st_size // 512) * 512 + 512 for label in LABELS[:4])
    (capq.folder / "x.tar").write_bytes(whole[: third + 100])
    result = capq("solve-dir", "x.tar", "--batch", 2, code=2)
    assert "damaged" in result.stderr
    assert _only_job(ledger).state is State.FAILED
    (capq.folder / "x.tar").write_bytes(whole)
    capq("solve-dir", "x.tar", "--batch", 2)
    assert [row.path for row in _rows(capq)] == [f"{label}.png" for label in LABELS]


def test_the_same_command_reads_what_is_new_and_keeps_the_rest(capq: Capq, folder: Path) -> None:
    (folder / "late.png").write_bytes(b"")
    assert capq.json("solve-dir", folder)["counts"]["kept"] == 0
    before = {path: path.stat() for path in folder.iterdir()}
    ImageCaptcha(170, 80).write("NEW1", str(folder / "late.png"))
    ImageCaptcha(340, 160).write("NEW2", str(folder / "0000.png"))
    job = capq.json("solve-dir", folder)
    assert (job["counts"]["images"], job["counts"]["kept"], job["summary"]["resized"]) == (10, 8, 1)
    rows = _rows(capq)
    assert [row.path for row in rows] == sorted(path.name for path in folder.iterdir())
    assert all(row.text and not row.error for row in rows)
    assert all(path.stat() == found for path, found in before.items() if path.name != "late.png")


def test_labels_rejections_characters_and_a_report(capq: Capq, folder: Path) -> None:
    (folder / "ZZZZ.png").write_bytes(b"no image")
    options = ("--labels", "names", "--min-confidence", 0.9999, "--characters", "--report", "r.html")
    job = capq.json("solve-dir", folder, "--out", "r.jsonl", *options)
    summary = job["summary"]
    assert (summary["images"], summary["unreadable"]) == (9, 1)
    assert summary["evaluation"]["images"] == 9
    assert summary["evaluation"]["accuracy"]["right"] >= 7
    rows = [json.loads(line) for line in (capq.folder / "r.jsonl").read_text().splitlines()]
    assert [row["label"] for row in rows] == sorted([*LABELS, "ZZZZ"])
    assert all(len(row["characters"]) == len(row["text"]) for row in rows if row["text"])
    assert [row["rejected"] for row in rows] == [(row["confidence"] or 0) < 0.9999 for row in rows]
    assert summary["rejected"] == sum(row["rejected"] for row in rows) >= 1
    assert "data:image/png" in (capq.folder / "r.html").read_text()
    shown = capq("result", job["id"]).stdout
    assert "labelled images right" in shown
    assert f"{summary['rejected']} rejected" in shown


def test_known_lengths_decide_the_texts_and_belong_to_the_table(capq: Capq, folder: Path) -> None:
    capq("solve-dir", folder, *ALNUM, "--out", "free.csv")
    assert {len(row.text) for row in _rows(capq, "free.csv")} != {5}
    held = ("solve-dir", folder, *ALNUM, "--out", "held.csv")
    job = capq.json(*held, "--length", 5, "--beam", 4, "--report", "r.html")
    assert (job["summary"]["lengths"], job["summary"]["beam"]) == ([5, 5], 4)
    shown = dict(line.split("  ", 1) for line in capq("status", job["id"]).stdout.splitlines())
    assert (shown["lengths"].strip(), shown["beam"].strip()) == ("5, 5", "4")
    assert {len(row.text) for row in _rows(capq, "held.csv")} == {5}
    assert "with length 5 and beam 4" in (capq.folder / "r.html").read_text()
    refusal = capq(*held, code=2).stderr
    assert "was read with length 5 and beam 4: add --overwrite" in refusal
    # All lengths that the network reads are none in particular.
    job = capq.json("solve-dir", folder, *ALNUM, "--out", "free.csv", "--length", "4-6")
    assert job["counts"]["kept"] == len(LABELS)
    assert not {"lengths", "beam"} & job["summary"].keys()


def test_a_charset_and_ignored_case_decide_the_texts_and_belong_to_the_table(
    capq: Capq, folder: Path
) -> None:
    options = ("--charset", "alnum-lower", "--ignore-case", "--length", 4)
    arguments = ("solve-dir", folder, *ALNUM, *options, "--labels", "names", "--report", "r.html")
    job = capq.json(*arguments)
    assert (job["summary"]["charset"], job["summary"]["ignore_case"]) == (ALNUM_LOWER, True)
    assert all(row.text == row.text.lower() for row in _rows(capq))
    assert job["summary"]["evaluation"]["accuracy"]["right"] >= 7
    shown = dict(line.split("  ", 1) for line in capq("status", job["id"]).stdout.splitlines())
    assert (shown["charset"].strip(), shown["ignore case"].strip()) == (ALNUM_LOWER, "yes")
    words = f"with length 4, charset {ALNUM_LOWER} and case ignored"
    assert words in (capq.folder / "r.html").read_text()
    assert f"was read {words}: add --overwrite" in capq("solve-dir", folder, *ALNUM, code=2).stderr
    digits = capq.json("solve-dir", folder, *ALNUM, "--charset", "digits", "--out", "digits.csv")
    assert digits["summary"]["charset"] == "0123456789"
    assert all(row.text.isdigit() for row in _rows(capq, "digits.csv"))


@pytest.mark.parametrize("command", ["solve-dir", "evaluate"])
def test_characters_that_the_network_does_not_read_open_no_job(
    capq: Capq, images: Path, ledger: Ledger, command: str
) -> None:
    named = ("--checkpoint", "lepture-170x80")
    result = capq(command, images, *named, "--charset", "alnum-lower", code=2)
    assert "and not 'abcdefghijklmnopqrstuvwxyz'" in result.stderr
    assert result.stderr.count("\n") == 1
    assert _only_job(ledger) is None
    assert list(capq.folder.iterdir()) == []


@pytest.mark.parametrize("command", ["solve-dir", "evaluate"])
def test_lengths_that_the_network_does_not_read_open_no_job(
    capq: Capq, images: Path, ledger: Ledger, command: str
) -> None:
    result = capq(command, images, *ALNUM, "--length", "4-7", code=2)
    assert "reads texts of 4 to 6 characters" in result.stderr
    assert result.stderr.count("\n") == 1
    assert _only_job(ledger) is None
    assert list(capq.folder.iterdir()) == []


def _tar(capq: Capq, folder: Path) -> Path:
    with tarfile.open(capq.folder / "x.tar", "w") as archive:
        for label in LABELS:
            archive.add(folder / f"{label}.png", f"{label}.png")
    return capq.folder / "x.tar"


def _zip(capq: Capq, folder: Path) -> Path:
    with zipfile.ZipFile(capq.folder / "x.zip", "w") as archive:
        for label in LABELS:
            archive.write(folder / f"{label}.png", f"{label}.png")
    return capq.folder / "x.zip"


def _url(capq: Capq, folder: Path) -> str:
    return f"file://{folder}"


def _list(capq: Capq, folder: Path) -> Path:
    (capq.folder / "list.txt").write_text("".join(f"images/{label}.png\n" for label in LABELS))
    return capq.folder / "list.txt"


def test_every_form_of_input_gives_the_same_texts(capq: Capq, folder: Path) -> None:
    capq("solve-dir", folder)
    expected = {row.path: (row.text, row.confidence) for row in _rows(capq)}
    for make in (_tar, _zip, _url, _list):
        capq("solve-dir", make(capq, folder), "--out", "other.csv", "--batch", 3, "--overwrite")
        found = {
            row.path.removeprefix("images/"): (row.text, row.confidence) for row in _rows(capq, "other.csv")
        }
        assert found == expected, make.__name__


def test_a_generated_dataset_is_read_against_its_own_texts(capq: Capq) -> None:
    start_worker(capq)
    capq("generate", "--shards", 2, "--per-shard", 20, "--out", "set")
    start_worker(capq, "gpu", processes=1)
    job = capq.json("solve-dir", "set", "--labels", "txt", "--out", "r.parquet")
    assert job["summary"]["evaluation"]["accuracy"]["count"] == 40
    assert job["summary"]["evaluation"]["accuracy"]["right"] >= 34
    assert [row.path for row in _rows(capq, "r.parquet")][20] == "shard-000001.tar/000000020.jpg"


@pytest.fixture
def watcher(capq: Capq, folder: Path) -> Iterator[subprocess.Popen[str]]:
    yield capq.start("solve-dir", folder, "--watch", "--labels", "names", log=capq.folder / "watch.log")


def test_a_watched_folder_is_read_as_images_arrive(
    capq: Capq, folder: Path, watcher: subprocess.Popen[str], ledger: Ledger
) -> None:
    def told() -> int:
        """How many images the command has told of, one line a round."""
        return sum(map(int, re.findall(r"^(\d+) images?", (capq.folder / "watch.log").read_text(), re.M)))

    wait_until(lambda: told() == 8, "a first table")
    assert len(_rows(capq)) == 8
    ImageCaptcha(170, 80).write("0NEW", str(folder / "0NEW.png"))
    (folder / "ZZZZ.png").write_bytes(b"no image")
    wait_until(lambda: told() == 10, "two rows more")
    watcher.send_signal(signal.SIGINT)
    assert watcher.wait(60) == 0
    rows = _rows(capq)
    assert [row.path for row in rows] == [*sorted(f"{label}.png" for label in LABELS), "0NEW.png", "ZZZZ.png"]
    assert [bool(row.error) for row in rows] == [False] * 9 + [True]
    assert rows[8].label == "0NEW"
    assert len(list(ledger.jobs())) == 1  # a watch is one job, however many rounds it has
    capq("solve-dir", folder, "--labels", "names")
    assert [row.path for row in _rows(capq)] == sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("images", "--watch", "--detach"), "leave out --detach and --json"),
        (("images", "--watch", "--out", "r.parquet"), ".jsonl"),
        (("images", "--watch", "--report", "r.html"), "the same command without --watch"),
        (("list.txt", "--watch"), "folder of this machine"),
        (("images", "--labels", "nowhere.csv"), "no such file"),
        (("images", "--labels", "txt"), "are for tar files and shards"),
        (("images", "--min-confidence", "2"), "0<=x<=1"),
        (("list.txt", "--pattern", "*"), "list names"),
        (("images.tar.gz",), "unpack"),
    ],
)
def test_wrong_options_are_one_line(capq: Capq, arguments: tuple[object, ...], words: str) -> None:
    (capq.folder / "images").mkdir()
    (capq.folder / "list.txt").write_text("a.png\n")
    (capq.folder / "images.tar.gz").write_bytes(b"")
    result = capq("solve-dir", *arguments, code=2)
    assert words in result.stderr
    assert sorted(path.name for path in capq.folder.iterdir()) == ["images", "images.tar.gz", "list.txt"]
