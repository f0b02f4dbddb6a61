"""benchmarks/looks.py, as somebody runs it on sets of their own."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_core.rendering import open_renderer
from captcha_core.spec import Spec

ROOT = Path(__file__).parents[2]
SPEC = Spec.make()  # the look that lepture-170x80 reads


def _write_part(folder: Path, shard: int, count: int, *, mixed: bool) -> None:
    """Write images with a labels.csv beside them; `mixed` gives every other label in small letters."""
    images, texts = open_renderer(SPEC, "pillow").batch(0, shard, 0, count)
    folder.mkdir(parents=True)
    rows = []
    for number, (image, text) in enumerate(zip(images, texts, strict=True)):
        Image.fromarray(np.asarray(image).squeeze()).save(folder / f"{number:03d}.png")
        rows.append((f"{number:03d}.png", text.lower() if mixed and number % 2 else text))
    with (folder / "labels.csv").open("w", newline="") as table:
        csv.writer(table).writerows([("file_name", "text"), *rows])


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    for number, (name, mixed) in enumerate({"capitals": False, "both": True}.items()):
        _write_part(folder / name / "train", 2 * number, 30, mixed=mixed)
        _write_part(folder / name / "test", 2 * number + 1, 40, mixed=mixed)
    (folder / "no-set").mkdir()
    return folder


def _looks(tmp_path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "looks.py"), *map(str, arguments)]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as table:
        return list(csv.DictReader(table))


def test_networks_at_sight_in_a_table_and_a_picture(sets: Path, tmp_path: Path) -> None:
    run = _looks(tmp_path, sets, "--only", "at-sight", "--csv", "out.csv", "--plot", "out.png")
    assert run.returncode == 0, run.stderr
    figures = {
        (row["set"], row["compared"]): float(row["accuracy"])
        for row in _rows(tmp_path / "out.csv")
        if row["reader"] == "capq lepture-170x80"
    }
    assert set(figures) == {("capitals", "case folded"), ("both", "case folded"), ("both", "exact")}
    assert figures["capitals", "case folded"] > 0.9
    assert figures["both", "case folded"] > 0.9
    assert figures["both", "exact"] < 0.6  # half of its labels are in small letters
    assert "| mean |" in run.stdout
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.width > 1000


def test_an_interrupted_run_goes_on_and_measures_nothing_twice(sets: Path, tmp_path: Path) -> None:
    arguments = (sets, "--only", "at-sight", "--results", "results.jsonl")
    assert _looks(tmp_path, *arguments, "--sets", "both").returncode == 0
    results = tmp_path / "results.jsonl"
    lines = results.read_text().splitlines(keepends=True)
    results.write_text("".join(lines[:-1]) + lines[-1][:50])
    assert _looks(tmp_path, *arguments).returncode == 0
    after = results.read_text().splitlines(keepends=True)
    assert after[: len(lines) - 1] == lines[:-1]
    measured = [(row["images"], row["reader"]) for row in _conditions(after)]
    assert len(measured) == len(set(measured)) == 2 * len(lines)


def _conditions(lines: list[str]) -> list[dict[str, str]]:
    return [json.loads(line)["conditions"] for line in lines]


def test_a_file_that_holds_no_results_is_left_alone(sets: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    run = _looks(tmp_path, sets, "--results", "notes.txt")
    assert run.returncode == 1
    assert "notes.txt holds something else" in run.stderr
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.slow
def test_trainings_on_few_labels_from_a_network_and_from_nothing(sets: Path, tmp_path: Path) -> None:
    run = _looks(
        tmp_path,
        *(sets, "--only", "trained", "--sets", "capitals", "--labels", "100"),
        *("--init", "lepture-170x80", "--seconds", "1", "--csv", "out.csv"),
    )
    assert run.returncode == 0, run.stderr
    measured = {(row["reader"], row["labels"]): row for row in _rows(tmp_path / "out.csv")}
    starts = ("capq from lepture-170x80", "capq from nothing")
    assert set(measured) == {(start, "30") for start in starts}
    assert all(row["images"] == "40" for row in measured.values())
    assert ", 30 labels |" in run.stdout  # in the column of 100, which this set has not
