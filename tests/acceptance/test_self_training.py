"""`capq train --unlabelled` and `--trust`, and what a training says of labels that look wrong."""

import csv
from pathlib import Path

import pytest
from PIL import Image

from captcha_core.networks import checkpoint
from captcha_core.spec import Spec
from captcha_core.training import Rendered, run_folder
from tests.conftest import Capq, ledger_of, wait_until

_LOOK = {"font_sizes": (22, 26), "noise_dots": 4, "noise_curve": False}
_SPEC = Spec.make(width=60, height=32, lengths=(1, 2), charset="012", look=_LOOK)


def _write(folder: Path, seed: int, count: int, *, named: bool) -> Path:
    folder.mkdir()
    images, texts = Rendered(_SPEC, seed).batch(0, count)
    for number, (image, text) in enumerate(zip(images, texts, strict=True)):
        Image.fromarray(image).save(folder / (f"{text}_{number}.png" if named else f"{number}.png"))
    return folder


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Thirty labelled images of 60×32."""
    return _write(tmp_path / "labelled", 1, 30, named=True)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Forty images without labels, of one is damaged and one is labelled elsewhere."""
    folder = _write(tmp_path / "images", 2, 40, named=False)
    (folder / "damaged.png").write_bytes(b"no image")
    first = sorted((tmp_path / "labelled").iterdir())[0]
    (folder / "known.png").write_bytes(first.read_bytes())
    return folder


@pytest.fixture(scope="module")
def reader(embedded: Capq, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that reads such images."""
    folder = tmp_path_factory.mktemp("reader")
    spec = folder / "spec.json"
    spec.write_text(_SPEC.model_dump_json())
    embedded("train", "--spec", spec, "--max-images", 4_800, "--batch", 32, "--out", folder / "reader")
    return folder / "reader"


def test_unlabelled_images_are_read_and_what_is_kept_is_in_a_table(
    embedded: Capq, labelled: Path, images: Path, reader: Path, tmp_path: Path
) -> None:
    out = tmp_path / "ours"
    options = ("--unlabelled", images, "--rounds", 1, "--init", reader, "--max-images", 300)
    job = embedded.json("train", labelled, *options, "--out", out)
    summary = job["summary"]
    assert [judged["round"] for judged in summary["rounds"]] == [0, 1]
    assert summary["trial"]["folds"] == 5
    unlabelled = summary["unlabelled"]
    assert unlabelled | {"kept": 0} == {
        "images": 42,
        "left_out": 0,
        "unreadable": 1,
        "duplicates": 1,
        "kept": 0,
        "table": f"{out}.unlabelled.csv",
    }
    rows = list(csv.DictReader((tmp_path / "ours.unlabelled.csv").open()))
    reasons = {row["path"]: row["reason"] for row in rows}
    assert reasons["known.png"] == "a labelled image"
    assert reasons["damaged.png"].startswith("unreadable: ")
    assert sum(row["round"] == "1" for row in rows) == 40
    kept = sum(row["reason"] == "kept" for row in rows)
    assert kept > 0
    assert unlabelled["kept"] == (kept if summary["best_round"] else 0)
    training = checkpoint.describe(out).training
    assert training["plan"]["self_training"]["rounds"] == 1
    assert not (tmp_path / "ours.run").exists()
    # The same command again finds its output in the way, and replaces it when it is to.
    assert "holds a checkpoint already" in embedded("train", labelled, *options, "--out", out, code=2).stderr
    shown = embedded("train", labelled, *options, "--out", out, "--overwrite").stdout
    assert "round 0, on labels alone" in shown
    assert "1 unlabelled image not used: unreadable" in shown
    assert f"what was read and kept: {out}.unlabelled.csv" in shown


@pytest.mark.slow
def test_a_stopped_run_of_rounds_goes_on(
    embedded: Capq, labelled: Path, images: Path, tmp_path: Path
) -> None:
    out, run = tmp_path / "ours", tmp_path / "ours.run"
    options = ("--unlabelled", images, "--rounds", 1, "--init", "none", "--max-images", 3_000)
    job = embedded("train", labelled, *options, "--out", out, "--detach").stdout.strip()
    wait_until(lambda: list(run.glob("round-0/state-*")), "a state")
    embedded("cancel", job)
    ledger = ledger_of(embedded)
    wait_until(lambda: ledger.get(job).state == "cancelled", "the end of the job")
    assert "add --resume" in embedded("train", labelled, *options, "--out", out, code=2).stderr
    resumed = embedded("train", labelled, "--resume", "--out", out)
    assert "going on after" in resumed.stderr
    assert checkpoint.describe(out).training["rounds"]
    assert not run_folder.rounds(run)


def test_wrong_labels_are_listed_and_may_be_left_out(
    embedded: Capq, labelled: Path, reader: Path, tmp_path: Path
) -> None:
    wrong = next(path for path in sorted(labelled.iterdir()) if path.name.startswith("0_"))
    renamed = wrong.rename(labelled / wrong.name.replace("0_", "21_"))
    out = tmp_path / "ours"
    options = ("--init", reader, "--trust", 0, "--max-images", 400)
    summary = embedded.json("train", labelled, *options, "--out", out)["summary"]["suspects"]
    assert (summary["looked_at"], summary["trust"]) == (30, 0)
    table = list(csv.DictReader((tmp_path / "ours.suspects.csv").open()))
    assert summary["table"] == f"{out}.suspects.csv"
    (row,) = (row for row in table if row["path"] == renamed.name)
    assert (row["label"], row["text"], row["reason"]) == ("21", "0", "out of fold")
    assert len(table) == summary["count"] <= 4
    (tmp_path / "ours.suspects.csv").write_text("my own notes\n")
    refused = embedded("train", labelled, *options, "--out", out, "--overwrite", code=2).stderr
    assert "ours.suspects.csv is no table that a training of capq wrote" in refused
    assert (tmp_path / "ours.suspects.csv").read_text() == "my own notes\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--spec", "default", "--unlabelled", "."), "--unlabelled and --trust are for labelled images"),
        (("--spec", "default", "--trust", "0.5"), "--unlabelled and --trust are for labelled images"),
        (("labelled", "--rounds", "2"), "--rounds goes with --unlabelled"),
        (("labelled", "--unlabelled", "-"), "takes no list on standard input"),
        (("labelled", "--unlabelled", "nowhere"), "no such folder"),
        (("labelled", "--unlabelled", "labelled", "--out", "labelled/m"), "lies in the input"),
    ],
)
def test_what_does_not_go_together_is_refused(
    embedded: Capq, labelled: Path, options: tuple[str, ...], message: str
) -> None:
    arguments = [
        str(labelled) + option.removeprefix("labelled") if option.startswith("labelled") else option
        for option in options
    ]
    assert message in embedded("train", *arguments, code=2).stderr
