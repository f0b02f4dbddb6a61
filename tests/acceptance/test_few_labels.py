"""`capq train` on a folder of few labels: what is not asked for follows the recipe."""

from pathlib import Path

import pytest
from PIL import Image

from captcha_core.networks import checkpoint
from captcha_core.spec import Spec
from captcha_core.training import Rendered, TrainingPlan
from tests.conftest import Capq

_LOOK = {"font_sizes": (22, 26), "noise_dots": 4, "noise_curve": False}


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Twenty-four labelled images of 60×32."""
    folder = tmp_path / "labelled"
    folder.mkdir()
    spec = Spec.make(width=60, height=32, lengths=(1, 2), charset="012", look=_LOOK)
    images, texts = Rendered(spec, 1).batch(0, 24)
    for number, (image, text) in enumerate(zip(images, texts, strict=True)):
        Image.fromarray(image).save(folder / f"{text}_{number}.png")
    return folder


def _plan(path: Path) -> TrainingPlan:
    return TrainingPlan.model_validate(checkpoint.describe(path).training["plan"])


def test_a_network_to_start_from_is_cross_validated_and_trained_on_all_labels(
    embedded: Capq, labelled: Path, tmp_path: Path
) -> None:
    first = embedded("train", labelled, "--init", "none", "--max-images", 64, "--out", tmp_path / "first")
    assert "few labels (24)" in first.stderr
    assert "from random weights" in first.stderr
    assert _plan(tmp_path / "first").trial is None
    job = embedded.json(
        "train", labelled, "--init", tmp_path / "first", "--max-images", 160, "--out", tmp_path / "second"
    )
    trial = job["summary"]["trial"]
    assert (trial["folds"], trial["starts"][0]["count"]) == (5, 24)
    assert trial["starts"][0]["initial"] == str(tmp_path / "first")
    assert job["summary"]["accuracy"] is None  # all labels are trained on
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "labelled", "second"]
    shown = embedded(
        "train", labelled, "--init", tmp_path / "first", "--max-images", 160, "--out", tmp_path / "third"
    )
    assert f"started from {tmp_path / 'first'}" in shown.stdout
    assert "of the 24 images read without a fault by networks that had not seen them" in shown.stdout


def test_what_is_asked_for_wins_over_the_recipe(embedded: Capq, labelled: Path, tmp_path: Path) -> None:
    embedded("train", labelled, "--max-images", 64, "--init", "none", "--out", tmp_path / "usual")
    asked = ("--batch", 16, "--rate", 0.002, "--augment", "--max-images", 48, "--init", "none")
    embedded("train", labelled, *asked, "--out", tmp_path / "asked")
    usual, made = _plan(tmp_path / "usual"), _plan(tmp_path / "asked")
    assert usual.augmentation is not None
    assert usual.augmentation.rotation > 0
    assert usual.batch == 64
    assert made.augmentation is not None
    assert made.augmentation.rotation == 0
    assert (made.batch, made.rate, made.images) == (16, 0.002, 48)
