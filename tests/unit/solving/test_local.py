"""A reading without workers: `captcha_core.solving.read`."""

import subprocess
import sys
from pathlib import Path

import pytest

from captcha_core import Solver, Spec, solving
from captcha_core.errors import InputError, OutputExistsError
from captcha_core.rendering import open_renderer
from captcha_core.rendering.encoding import encode
from captcha_core.solving import Reading
from captcha_core.tables.formats import read_table


@pytest.fixture(scope="module")
def solver() -> Solver:
    return Solver.load()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Six images named by their labels, and one that is none."""
    folder = tmp_path / "images"
    folder.mkdir()
    spec = Spec(image_format="png")
    pixels, texts = open_renderer(spec).batch(3, 0, 0, 6)
    for picture, text in zip(pixels, texts, strict=True):
        (folder / f"{text}.png").write_bytes(encode(picture, spec))
    (folder / "bad.png").write_bytes(b"no image")
    return folder


def test_a_folder_becomes_a_table_with_figures_and_a_report(images: Path, solver: Solver) -> None:
    report = images.parent / "report.html"
    counts: list[int] = []
    summary = solving.read(
        images,
        images.parent / "texts.csv",
        solver,
        labels="names",
        min_confidence=0.5,
        report=str(report),
        progress=counts.append,
    )
    rows = list(read_table(summary.out))
    assert [row.path for row in rows] == sorted(path.name for path in images.iterdir())
    assert (summary.images, summary.unreadable, counts) == (7, 1, [7])
    assert summary.evaluation is not None
    assert summary.evaluation.right == sum(row.text == row.label for row in rows) >= 5
    assert summary.rejected == sum(bool(row.rejected) for row in rows)
    assert "<h1>" in report.read_text()
    assert not Path(f"{summary.out}.parts").exists()


def test_labels_in_another_case_are_right_where_case_is_ignored(images: Path, solver: Solver) -> None:
    for path in images.glob("*.png"):
        path.rename(path.with_name(path.name.lower()))
    held = Solver(
        solver.checkpoint, solver.engine, charset="0123456789abcdefghijklmnopqrstuvwxyz", ignore_case=True
    )
    report = images.parent / "report.html"
    case_counts = solving.read(images, images.parent / "case.csv", solver, labels="names")
    summary = solving.read(images, images.parent / "texts.csv", held, labels="names", report=str(report))
    assert case_counts.evaluation is not None
    assert summary.evaluation is not None
    assert summary.evaluation.right >= 5 > case_counts.evaluation.right
    rows = list(read_table(summary.out))
    assert all(row.text == row.text.lower() for row in rows)
    assert sum(row.text == row.label for row in rows) == summary.evaluation.right
    assert summary.as_json()["ignore_case"] is True
    assert "and case ignored" in report.read_text()
    with pytest.raises(OutputExistsError, match="and case ignored"):
        solving.read(images, images.parent / "texts.csv", solver, labels="names")


def test_an_interrupted_call_goes_on_and_a_finished_table_is_extended(images: Path, solver: Solver) -> None:
    out = images.parent / "texts.csv"

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solving.read(images, out, solver, batch=2, progress=interrupt)
    (unfinished,) = Reading.unfinished(str(out))
    assert unfinished.done(0)
    assert not out.exists()
    assert solving.read(images, out, solver, batch=2).images == 7
    (images / "new.png").write_bytes((images / "bad.png").read_bytes())
    again = solving.read(images, out, solver)
    assert (again.images, again.kept) == (8, 6)  # the unreadable one is tried again


def test_a_folder_without_images_leaves_nothing_behind(tmp_path: Path, solver: Solver) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no images"):
        solving.read(tmp_path / "empty", tmp_path / "texts.csv", solver)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_it_needs_neither_celery_nor_redis(images: Path) -> None:
    script = (
        "import sys; sys.modules.update(dict.fromkeys(('celery', 'redis', 'click')))\n"
        "from captcha_core import solving\n"
        f"print(solving.read({str(images)!r}, {str(images.parent / 'texts.jsonl')!r}).images)"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (answer.stdout, answer.stderr) == ("7\n", "")
