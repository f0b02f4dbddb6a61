"""What a training and an evaluation look like, drawn from what workers did."""

import json
from pathlib import Path

import numpy as np
import pytest
from captcha.image import ImageCaptcha
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from captcha_core.datasets import Dataset, Plan
from captcha_core.spec import Spec
from tests.conftest import Capq, ledger_of, wait_until

SPEC = Spec.make(width=60, height=60, lengths=1, charset="01")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 labelled images, a hundred of them with wrong labels and one that is no image."""
    folder = tmp_path_factory.mktemp("labelled")
    dataset = Dataset.begin(str(folder / "data"), Plan(spec=SPEC, shards=1, per_shard=600))
    images = folder / "images"
    images.mkdir()
    for number, sample in enumerate(dataset.render(0, 0, 600)):
        text = sample.text if number >= 100 else "10"[int(sample.text)]
        (images / f"{text}_{number:03d}.jpg").write_bytes(sample.image)
    (images / "0_600.jpg").write_bytes(b"nothing")
    return images


@pytest.fixture(scope="module")
def trained(embedded: Capq, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network, with the TensorBoard events of its training."""
    folder = tmp_path_factory.mktemp("trained")
    dataset = Dataset.begin(str(folder / "data"), Plan(spec=SPEC, shards=2, per_shard=400, seed=1))
    for shard in range(2):
        dataset.write_shard(shard)
    dataset.finish()
    options = ("--max-images", 8000, "--batch", 32, "--out", folder / "model")
    embedded("train", folder / "data", *options, "--tensorboard", folder / "events")
    return folder


def test_a_trainings_history_is_drawn(embedded: Capq, trained: Path, tmp_path: Path) -> None:
    result = embedded("plot", trained / "model", "--out", tmp_path / "curves.png")
    assert "8,000 images" in result.stdout
    with Image.open(tmp_path / "curves.png") as picture:
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 10
    embedded("plot", "lepture-170x80", "--out", tmp_path / "curves.svg")
    assert (tmp_path / "curves.svg").read_text().lstrip().startswith("<?xml")


def test_a_run_under_way_is_drawn(embedded: Capq, tmp_path: Path) -> None:
    out = tmp_path / "model"
    training = ("train", "--spec", "default", "--max-images", 1_000_000, "--out", out, "--detach")
    job = embedded(*training).stdout.strip()
    ledger = ledger_of(embedded)
    wait_until(lambda: ledger.get(job).done >= 1, "a first slice")
    embedded("plot", f"{out}.run", "--out", tmp_path / "a.png")
    embedded("plot", out, "--out", tmp_path / "b.png")
    embedded("cancel", job)
    assert (tmp_path / "b.png").stat().st_size > 1000


def test_a_training_writes_events_that_tensorboard_reads(trained: Path) -> None:
    (run,) = (trained / "events").iterdir()
    assert run.name.startswith("model-")
    found = EventAccumulator(str(run))
    found.Reload()
    history = json.loads((trained / "model" / "model.json").read_text())["training"]["history"]
    assert [(event.step, event.value) for event in found.Scalars("accuracy")] == [
        (moment["images"], pytest.approx(moment["accuracy"])) for moment in history
    ]
    losses = {event.step: event.value for event in found.Scalars("loss")}
    assert all(losses[moment["images"]] == pytest.approx(moment["loss"]) for moment in history)
    assert len(losses) == len(found.Scalars("loss"))
    assert found.Scalars("rate")[-1].step == 8000


def test_an_evaluation_tells_and_draws_what_went_wrong(
    embedded: Capq, trained: Path, labelled: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report"
    result = embedded("evaluate", labelled, "--checkpoint", trained / "model", "--pictures", report)
    for words in ("601 images", "1 image could not be decoded", "calibration error", "0.99 or more", "of 0"):
        assert words in result.stdout
    assert sorted(path.name for path in report.iterdir()) == [
        "confidence.png",
        "confusions.png",
        "evaluation.json",
        "mistakes.png",
    ]
    found = json.loads((report / "evaluation.json").read_text())
    assert found["images"] == 601
    assert 0.6 < found["accuracy"]["value"] < 0.9
    assert len(found["mistakes"]) == 48
    for mistake in found["mistakes"]:
        assert (labelled / mistake["image"]).is_file()
        assert mistake["image"].startswith(f"{mistake['true']}_")
        assert mistake["true"] != mistake["read"]
    with Image.open(report / "mistakes.png") as sheet:
        assert sheet.width > 300


def test_an_evaluation_of_a_dataset_draws_its_images(embedded: Capq, trained: Path, tmp_path: Path) -> None:
    report = tmp_path / "report"
    arguments = ("evaluate", trained / "data", "--checkpoint", trained / "model", "--pictures", report)
    job = embedded.json(*arguments)
    summary = job["summary"]
    assert summary["images"] == 800
    keys = {sample.key: sample.text for sample in Dataset.open(str(trained / "data"))}
    assert all(keys[mistake["image"]] == mistake["true"] for mistake in summary["mistakes"])
    assert (report / "mistakes.png").exists() == bool(summary["mistakes"])
    assert (report / "confusions.png").exists()


def test_known_lengths_decide_what_an_evaluation_counts(embedded: Capq, tmp_path: Path) -> None:
    for label in ("AB12", "7XK3", "M4ND", "H9TW"):
        ImageCaptcha(170, 80).write(label, str(tmp_path / f"{label}.png"))
    arguments = ("evaluate", tmp_path, "--checkpoint", "alnum-170x80")  # reads four to six characters
    four = embedded.json(*arguments, "--length", 4)["summary"]
    five = embedded.json(*arguments, "--length", 5, "--beam", 4)["summary"]
    assert (four["lengths"], five["lengths"], five["beam"]) == ([4, 4], [5, 5], 4)
    assert "beam" not in four
    assert four["accuracy"]["right"] > five["accuracy"]["right"] == 0
    assert [len(mistake["read"]) for mistake in five["mistakes"]] == [5] * 4


def test_ignored_case_decides_what_an_evaluation_counts(embedded: Capq, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for label in ("AB12", "7XK3", "M4ND", "H9TW"):
        ImageCaptcha(170, 80).write(label, str(images / f"{label.lower()}.png"))
    strict = embedded.json("evaluate", images)["summary"]
    folded = embedded.json("evaluate", images, "--ignore-case", "--pictures", tmp_path / "report")["summary"]
    assert strict["accuracy"]["right"] == 0
    assert folded["accuracy"]["right"] >= 3
    assert "ignore_case" not in strict
    assert folded["ignore_case"] is True
    digits = embedded.json("evaluate", images, "--charset", "digits")["summary"]
    assert digits["charset"] == "0123456789"
    assert len(digits["mistakes"]) == 4
    assert all(mistake["read"].isdigit() for mistake in digits["mistakes"])


def test_a_dataset_of_either_case_is_evaluated_where_case_is_ignored(embedded: Capq, tmp_path: Path) -> None:
    plan = Plan(spec=Spec.make(charset="alnum-lower"), shards=1, per_shard=1)
    dataset = Dataset.begin(str(tmp_path / "data"), plan)
    dataset.write_shard(0)
    dataset.finish()
    arguments = ("evaluate", tmp_path / "data")
    assert "it has characters beyond" in embedded(*arguments, code=2).stderr
    assert embedded.json(*arguments, "--ignore-case")["summary"]["images"] == 1
    refusal = embedded(*arguments, "--ignore-case", "--charset", "digits", code=2).stderr
    assert "characters that --charset leaves out, 'abc" in refusal


def test_lengths_that_leave_out_texts_of_a_dataset_are_refused(embedded: Capq, tmp_path: Path) -> None:
    plan = Plan(spec=Spec.make(lengths="4-6"), shards=1, per_shard=1)
    dataset = Dataset.begin(str(tmp_path / "data"), plan)
    dataset.write_shard(0)
    dataset.finish()
    arguments = ("evaluate", tmp_path / "data", "--checkpoint", "alnum-170x80")
    refusal = embedded(*arguments, "--length", "4-5", code=2).stderr
    assert "texts that --length leaves out: give --length 4-6" in refusal


def test_wrong_use_is_refused_before_any_work(embedded: Capq, labelled: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert (
        "cannot create"
        in embedded("evaluate", labelled, "--pictures", tmp_path / "file" / "x", code=2).stderr
    )
    assert (
        "leave --detach out"
        in embedded("evaluate", labelled, "--pictures", tmp_path, "--detach", code=2).stderr
    )
    assert "no checkpoint" in embedded("plot", tmp_path, code=2).stderr
    assert ".svg" in embedded("plot", "lepture-170x80", "--out", "a.gif", code=2).stderr
    refusal = embedded("train", labelled, "--out", tmp_path / "m", "--tensorboard", "s3://x/y", code=2)
    assert "a folder that the gpu workers share" in refusal.stderr
