"""Every command with its output wherever it may do harm: what was there is there afterwards, as it was."""

import hashlib
import io
import itertools
import os
import re
import tarfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click
import numpy as np
import pytest
from _pytest.mark import ParameterSet
from PIL import Image

from captcha_core.networks import checkpoint
from captcha_core.storage.marked import read_mark
from cli.main import main
from tests.conftest import Capq

Tree = dict[str, str]

TRAIN = ("train", "project/own", "--init", "none")


COMMANDS: dict[str, tuple[str, Callable[[Path], tuple[object, ...]]]] = {
    "generate": ("", lambda out: ("generate", "--shards", 1, "--per-shard", 2, "--out", out, "--detach")),
    "generate a folder": (
        "",
        lambda out: (
            "generate",
            "--shards",
            1,
            "--per-shard",
            2,
            "--format",
            "folder",
            "--out",
            out,
            "--detach",
        ),
    ),
    "preview a spec": (".png", lambda out: ("preview", "--count", 2, "--out", out)),
    "preview": (".png", lambda out: ("preview", "project/own", "--count", 2, "--out", out)),
    "train": (
        "",
        lambda out: (*TRAIN, "--max-images", 64, "--out", out, "--detach"),
    ),
    "events": (
        "",
        lambda out: (
            "train",
            "project/own",
            "--init",
            "none",
            "--out",
            "network",
            "--tensorboard",
            out,
            "--detach",
        ),
    ),
    "solve-dir": (".csv", lambda out: ("solve-dir", "project/own", "--out", out, "--detach")),
    "report": (
        ".html",
        lambda out: ("solve-dir", "project/own", "--out", "table.csv", "--report", out, "--detach"),
    ),
    "inspect": (".html", lambda out: ("inspect", "project/own", "--page", out)),
    "evaluate": ("", lambda out: ("evaluate", "project/own", "--pictures", out)),
    "export": (
        ".onnx",
        lambda out: ("export", "lepture-170x80", "--images", 8, "--dataset", "project/own", "--out", out),
    ),
    "plot": (".png", lambda out: ("plot", "project/model", "--out", out)),
}
"""For each command the ending of its output, and its arguments."""

QUICK = {"generate a folder", "train", "solve-dir", "export", "preview a spec"}
"""Commands that are tried at the first place of each test by default, and the others in the long suites."""

OF_IMAGES = {"preview", "train", "events", "solve-dir", "report", "inspect", "evaluate", "export"}
"""Those that read the labelled images; `plot` reads the network."""


WRITING = {"out", "file", "tensorboard", "report", "page", "pictures"}
"""Options that name an output. Those that name an input are in `READING`."""

READING = {"base", "fresh", "initial", "name", "labels", "dataset", "unlabelled"}


def _each(commands: Iterable[str], places: Sequence[str]) -> list[ParameterSet]:
    """Return all pairs of command and place, most of them for the long suites."""
    pairs = itertools.product(commands, places)
    quick = {(command, places[0]) for command in QUICK}
    return [pytest.param(*pair, marks=() if pair in quick else pytest.mark.slow) for pair in pairs]


@pytest.fixture
def project(embedded: Capq, tmp_path: Path) -> Path:
    """A folder with a project in it: labelled images, a network, notes, a dataset of another program."""
    own = tmp_path / "project" / "own"
    own.mkdir(parents=True)
    noise = np.random.default_rng(7)
    for text in ("AB12", "7XK3", "M4ND", "H9TW"):
        pixels = noise.integers(0, 256, (80, 170), dtype=np.uint8)
        Image.fromarray(pixels).save(own / f"{text}_1.png")
    (own / "notes.txt").write_text("work of weeks")
    model = tmp_path / "project" / "model"
    model.mkdir()
    for file in (checkpoint.default() / "model.json", checkpoint.default() / "model.safetensors"):
        (model / file.name).write_bytes(file.read_bytes())
    (tmp_path / "project" / "code.py").write_text("print(1)")
    others = tmp_path / "others"
    others.mkdir()
    (others / "dataset.json").write_text('{"rows": 3}')
    (others / "evaluation.json").write_text('{"accuracy": 1}')
    (others / "labels.txt").write_text("AAAA\n")
    with tarfile.open(others / "shard-000000.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO(b""))
    for ending in ("", ".png", ".csv", ".html", ".onnx"):
        (tmp_path / f"notes{ending}").write_text("path,text\na.png,my notes\n")
        (tmp_path / f"link{ending}").symlink_to(f"notes{ending}")
        (tmp_path / f"nowhere{ending}").symlink_to(f"gone{ending}")
    (tmp_path / "linked").symlink_to("project")
    for name in (".mine.tmp", ".out.tmp", ".out.png.old.tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "notes").write_text("keep")
        os.utime(tmp_path / name, (1000, 1000))
    embedded.folder = tmp_path
    return tmp_path


def tree(folder: Path) -> Tree:
    """Return every path below a folder with what it is: a link, a folder, or a digest."""
    return {str(path.relative_to(folder)): _content(path) for path in folder.rglob("*")}


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"


def _run(capq: Capq, project: Path, command: str, out: str) -> tuple[int, str]:
    """Run a command, hold that nothing which was there changed, and return its exit code and message."""
    before = tree(project)
    done = capq(*COMMANDS[command][1](project / out), code=None)
    if done.returncode == 0 and "--detach" in done.args:
        capq("cancel", done.stdout.strip(), code=None)
    after = tree(project)
    assert before.items() <= after.items(), {name for name in before if before[name] != after.get(name)}
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        assert done.returncode == 2
        assert len(errors) == 1, done.stderr
        assert after == before, set(after) - set(before)
    return done.returncode, done.stderr


def test_every_option_that_writes_is_tried() -> None:
    tried = {str(argument) for _, arguments in COMMANDS.values() for argument in arguments(Path("out"))}
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command
        for option in command.params:
            metavar = option.make_metavar(context)
            if isinstance(option, click.Option) and re.search("FILE|DIR|URL|HTML|CHECKPOINT|FOLDER", metavar):
                assert option.name in WRITING | READING, f"{name} {option.opts}: does it write?"
                assert option.name in READING or {name, option.opts[0]} <= tried


@pytest.mark.parametrize(
    ("command", "place"),
    _each(sorted(OF_IMAGES), ["project/own", "project/own/out", "project", "linked/own/out"]),
)
def test_an_output_at_below_or_above_the_input_is_refused(
    embedded: Capq, project: Path, command: str, place: str
) -> None:
    out = f"{place}{COMMANDS[command][0]}" if place.endswith("out") else place
    if command == "events" and place == "project":
        return  # a folder of its own in there lies beside the images
    code, message = _run(embedded, project, command, out)
    assert code == 2
    if COMMANDS[command][0] and not out.endswith(COMMANDS[command][0]) and "input" not in message:
        assert " end" in message  # a picture or table has another name to begin with
    else:
        assert "input" in message
        assert "give another" in message


@pytest.mark.parametrize("place", ["project/model", "project/model/out.png"])
def test_a_plot_does_not_go_into_the_network(embedded: Capq, project: Path, place: str) -> None:
    assert _run(embedded, project, "plot", place)[0] == 2


@pytest.mark.parametrize(("command", "place"), _each(COMMANDS, ["notes", "link", "nowhere", "notes/out"]))
def test_a_file_or_a_link_of_ones_own_stays(embedded: Capq, project: Path, command: str, place: str) -> None:
    ending = COMMANDS[command][0]
    code, message = _run(embedded, project, command, f"{place}{ending}")
    assert code == 2
    assert place.partition("/")[0] in message


@pytest.mark.parametrize(("command", "place"), _each(COMMANDS, ["project", "others", "linked"]))
def test_a_folder_of_ones_own_keeps_what_it_holds(
    embedded: Capq, project: Path, command: str, place: str
) -> None:
    code, message = _run(embedded, project, command, place)
    if COMMANDS[command][0]:
        assert code == 2  # where a file is to go
        assert place in message or "input" in message


@pytest.mark.parametrize("command", ["generate", "train", "solve-dir", "preview a spec"])
def test_folders_of_other_programs_beside_an_output_stay(embedded: Capq, project: Path, command: str) -> None:
    assert _run(embedded, project, command, f"out{COMMANDS[command][0]}")[0] == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            ("preview", "--count", 2, "--out", "a.png"),
            ("preview", "--seed", 1, "--count", 2, "--out", "a.png"),
        ),
        (("plot", "lepture-170x80", "--out", "a.png"), ("plot", "alnum-170x80", "--out", "a.png")),
    ],
)
def test_a_picture_of_something_else_is_replaced_only_when_asked_to(
    embedded: Capq, project: Path, first: tuple[object, ...], second: tuple[object, ...]
) -> None:
    picture = project / "a.png"
    embedded(*first)
    drawn = picture.read_bytes()
    assert read_mark(drawn)
    embedded(*first)  # the same again brings it up to date
    refusal = embedded(*second, code=2).stderr
    assert "add --overwrite to replace it, or give another --out" in refusal
    assert picture.read_bytes() == drawn
    embedded(*second, "--overwrite")
    assert picture.read_bytes() != drawn
    picture.write_bytes(picture.read_bytes() + b"retouched")
    assert "not a" in embedded(*first, "--overwrite", code=2).stderr


def test_a_report_belongs_to_its_table(embedded: Capq, project: Path) -> None:
    reading = ("solve-dir", "project/own", "--report", "r.html", "--checkpoint", "lepture-170x80", "--out")
    embedded(*reading, "a.csv")
    embedded(*reading, "a.csv")  # nothing new: the same report
    first = (project / "r.html").read_bytes()
    refusal = embedded(*reading, "b.csv", code=2).stderr
    assert "r.html is a report of something else: add --overwrite" in refusal
    assert "give another --report" in refusal
    assert (project / "r.html").read_bytes() == first
    assert not (project / "b.csv").exists()
    embedded(*reading, "b.csv", "--overwrite")
    assert (project / "r.html").read_bytes() != first
