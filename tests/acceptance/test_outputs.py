"""What stands where an output is to go stays, unless capq made it and was told to replace it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_core.networks import checkpoint, report_files
from tests.conftest import Capq

Content = dict[str, bytes | None]

FRESH = ("--init", "none")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of a project: labelled images, and a file beside them."""
    folder = tmp_path / "project" / "own"
    folder.mkdir(parents=True)
    noise = np.random.default_rng(7)
    for number in range(24):
        pixels = noise.integers(0, 256, (60, 60), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number % 2}_{number}.png")
    (folder / "notes.txt").write_text("work of weeks")
    return folder


def content(folder: Path) -> Content:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def train(capq: Capq, own: Path, out: Path, *options: object, code: int = 0) -> str:
    done = capq("train", own, *FRESH, "--max-images", 64, "--batch", 16, "--out", out, *options, code=code)
    return done.stderr


@pytest.mark.parametrize("out", ["project/own", "project", "project/own/model", "linked", "linked/model"])
@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_a_training_does_not_touch_the_folder_of_its_images(
    embedded: Capq, own: Path, tmp_path: Path, out: str, options: tuple[str, ...]
) -> None:
    (tmp_path / "linked").symlink_to(own)
    before = content(tmp_path)
    refusal = train(embedded, own, tmp_path / out, *options, code=2)
    assert "input" in refusal
    assert content(tmp_path) == before


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
@pytest.mark.parametrize("case", ["a project", "a file", "a link", "below a file", "a file for the run"])
def test_a_training_does_not_replace_what_is_no_checkpoint(
    embedded: Capq, own: Path, tmp_path: Path, case: str, options: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    if case == "a project":
        out.mkdir()
        (out / "code.py").write_text("print(1)")
    elif case == "a link":
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "code.py").write_text("print(1)")
        out.symlink_to("mine")
    elif case == "a file for the run":
        Path(f"{out}.run").write_text("my notes")
    else:
        out.write_text("my notes")
        out = out / "model" if case == "below a file" else out
    before = content(tmp_path)
    refusal = train(embedded, own, out, *options, code=2)
    assert "Error: " in refusal
    assert str(out) in refusal
    assert content(tmp_path) == before


def test_a_finished_network_is_replaced_only_when_asked_to(embedded: Capq, own: Path, tmp_path: Path) -> None:
    train(embedded, own, tmp_path / "model")
    first = checkpoint.describe(tmp_path / "model").digest
    (tmp_path / "model" / "model.onnx").write_text("exported from the first")
    refusal = train(embedded, own, tmp_path / "model", "--seed", 1, code=2)
    assert "model holds a checkpoint already" in refusal
    assert "--overwrite" in refusal
    assert checkpoint.describe(tmp_path / "model").digest == first
    train(embedded, own, tmp_path / "model", "--seed", 1, "--overwrite")
    assert checkpoint.describe(tmp_path / "model").digest != first
    files = sorted(path.name for path in (tmp_path / "model").iterdir())
    report = report_files.read(tmp_path / "model")
    assert {report_files.CARD, "curves.png"} < set(report)
    assert files == sorted(["model.json", "model.safetensors", *report])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "project"]


def test_folders_of_other_programs_beside_the_output_stay(embedded: Capq, own: Path, tmp_path: Path) -> None:
    for name in (".mine.tmp", ".model.mine.tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "notes").write_text("keep")
        os.utime(tmp_path / name, (1000, 1000))
    train(embedded, own, tmp_path / "model")
    assert (tmp_path / ".mine.tmp" / "notes").read_text() == "keep"
    assert (tmp_path / ".model.mine.tmp" / "notes").read_text() == "keep"


def begin(capq: Capq, own: Path, out: Path, *options: object) -> None:
    """Begin a run and cancel it before its first step: where `capq` looks for workers there is none."""
    capq("cancel", capq("train", own, *options, "--out", out, "--detach").stdout.strip())


def test_a_run_from_before_there_were_tokens_is_resumed(
    capq: Capq, embedded: Capq, own: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    begin(capq, own, out, *FRESH, "--max-images", 100, "--batch", 16)
    plan = tmp_path / "model.run" / "plan.json"
    record = json.loads(plan.read_text())
    assert record["token"]
    del record["token"], record["overwrite"]
    plan.write_text(json.dumps(record))
    embedded("train", own, "--out", out, "--resume")
    assert checkpoint.describe(out).training["images"] >= 100


def test_a_run_is_resumed_with_the_options_it_was_begun_with(
    capq: Capq, embedded: Capq, own: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    begun = ("--max-images", 128, "--batch", 16, "--rate", 0.004)
    begin(capq, own, out, *begun)
    before = content(tmp_path / "model.run")
    (tmp_path / "other").mkdir()
    for option, value in (
        ("--rate", 0.0001), ("--max-images", 64), ("--arch", "heads"), ("--seed", 1), ("--init", "none"),
        ("--augment", None), ("--max-time", "9s"), ("--spec", "default"), ("--colour", None),
        ("--tensorboard", tmp_path / "events"),
    ):  # fmt: skip
        given = (option,) if value is None else (option, value)
        source = () if option == "--spec" else (own,)
        refusal = embedded("train", *source, "--out", out, "--resume", *given, code=2).stderr
        assert f"leave {option} out" in refusal
    assert (
        "leave DATASET out" in embedded("train", tmp_path / "other", "--out", out, "--resume", code=2).stderr
    )
    assert content(tmp_path / "model.run") == before
    resumed = embedded("train", own, *begun, "--out", out, "--resume")
    assert "128 images" in resumed.stderr
    assert checkpoint.describe(out).training["images"] >= 128


def test_a_run_is_resumed_by_its_output_alone(capq: Capq, embedded: Capq, own: Path, tmp_path: Path) -> None:
    begin(capq, own, tmp_path / "model", *FRESH, "--max-images", 64, "--batch", 16)
    embedded("train", "--out", tmp_path / "model", "--resume")
    assert checkpoint.describe(tmp_path / "model").training["images"] >= 64


@pytest.mark.parametrize("layout", ["folder", "webdataset"])
@pytest.mark.parametrize("labels", ["labels.txt", "metadata.csv"])
def test_labels_of_ones_own_are_not_written_over(
    embedded: Capq, own: Path, tmp_path: Path, layout: str, labels: str
) -> None:
    (own / labels).write_text("AAAA\n")
    before = content(own)
    options = ("--shards", 1, "--per-shard", 5, "--format", layout, "--out", own)
    assert "holds no dataset of capq" in embedded("generate", *options, code=2).stderr
    assert content(own) == before
