"""Commands that look at datasets, without Redis."""

import itertools
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from captcha_core.datasets import Dataset, Plan
from captcha_core.images.decoding import decode
from captcha_core.rendering import open_renderer
from captcha_core.spec import Spec
from captcha_core.spec.fonts import BUILT_IN, find
from tests.conftest import Capq


@pytest.fixture
def dataset(capq: Capq) -> Path:
    capq.env["CAPQ_REDIS_URL"] = "redis://127.0.0.1:1/0"  # nothing here may ask for it
    folder = capq.folder / "data"
    made = Dataset.begin(
        str(folder), Plan(spec=Spec.make(width=80, height=40, lengths=2), shards=2, per_shard=10)
    )
    made.write_shard(0)
    made.write_shard(1)
    made.finish()
    return folder


def test_a_preview_of_a_spec_shows_what_would_be_generated(capq: Capq) -> None:
    capq("preview", "--charset", "01", "--length", 3, "--count", 6, "--columns", 3, "--out", "p.png")
    images, _ = open_renderer(Spec.make(charset="01", lengths=3), "pillow").batch(0, 0, 0, 6)
    with Image.open(capq.folder / "p.png") as sheet:
        assert sheet.width == 3 * 178 + 8
        for number, image in enumerate(images):
            assert (_cell(sheet, number, 3, (170, 80)) == image).all()


def test_a_preview_of_a_dataset_shows_its_images(capq: Capq, dataset: Path) -> None:
    assert "4 images" in capq("preview", dataset, "--count", 4, "--columns", 2).stdout
    samples = itertools.islice(Dataset.open(str(dataset)), 4)
    with Image.open(capq.folder / "preview.png") as sheet:
        assert sheet.width == 2 * 88 + 8
        for number, sample in enumerate(samples):
            assert (_cell(sheet, number, 2, (80, 40)) == decode(sample.image)).all()


def _cell(sheet: Image.Image, number: int, columns: int, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return the pixels of an image on a contact sheet: 8 around each, and 20 below for its text."""
    width, height = size
    x, y = 8 + number % columns * (width + 8), 8 + number // columns * (height + 28)
    return np.asarray(sheet.convert("RGB"))[y : y + height, x : x + width]


def test_verify_passes_then_finds_then_repairs(capq: Capq, dataset: Path) -> None:
    assert "16 of them drawn again: all as they were written" in capq("verify", dataset, "--render").stdout
    (dataset / "shard-000001.tar").unlink()
    found = json.loads(capq("verify", dataset, "--json", code=1).stdout)
    assert [fault["shard"] for fault in found["faults"]] == [1]
    assert "--repair" in capq("verify", dataset, code=1).stdout
    capq("verify", dataset, "--repair")
    capq("verify", dataset, "--render")


def test_evaluating_a_network_for_other_images_is_refused(capq: Capq, dataset: Path) -> None:
    refusal = capq("evaluate", dataset, code=2).stderr
    assert "80×40, not 170×80" in refusal
    assert "2-2 characters" in refusal
    assert f"capq train {dataset}" in refusal


def test_verify_refuses_what_is_no_dataset(capq: Capq, dataset: Path) -> None:
    assert "no dataset" in capq("verify", capq.folder, code=2).stderr
    Dataset.begin(str(capq.folder / "begun"), Plan(spec=Spec(), shards=2))
    assert "not finished" in capq("verify", "begun", code=2).stderr


def test_a_preview_of_medley_draws_from_the_fonts_that_are_here(capq: Capq) -> None:
    capq.env |= dict.fromkeys(("XDG_DATA_DIRS", "HOME", "XDG_CACHE_HOME"), str(capq.folder))
    drawn = capq("preview", "--spec", "medley", "--length", 5, "--count", 6, "--columns", 3)
    assert "fonts" in drawn.stderr
    with Image.open(capq.folder / "preview.png") as sheet:
        assert sheet.width > 3 * 192
        assert len(np.unique(np.asarray(sheet))) > 100


def test_a_medley_dataset_is_drawn_again_from_its_spec(capq: Capq) -> None:
    narrowed = Spec.make(
        generator="medley", width=96, height=32, lengths=3, medley={"fonts": [str(find(BUILT_IN))]}
    )
    made = Dataset.begin(str(capq.folder / "data"), Plan(spec=narrowed, shards=1, per_shard=12))
    made.write_shard(0)
    made.finish()
    assert "8 of them drawn again: all as they were written" in capq("verify", "data", "--render").stdout
