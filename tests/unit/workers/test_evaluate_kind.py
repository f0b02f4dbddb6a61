from pathlib import Path

import pytest
from PIL import Image

from captcha_core.datasets import open_labelled
from captcha_core.errors import ChangedDatasetError
from workers.kinds import evaluate


def test_a_folder_is_listed_once_a_job(tmp_path: Path) -> None:
    for name in ("A.png", "B.png"):
        Image.new("RGB", (30, 20)).save(tmp_path / name)
    listed = evaluate.open_images(str(tmp_path), 2, "evaluate-1")
    assert evaluate.open_images(str(tmp_path), 2, "evaluate-1") is listed
    Image.new("RGB", (30, 20)).save(tmp_path / "C.png")
    assert len(evaluate.open_images(str(tmp_path), 3, "evaluate-2")) == 3
    with pytest.raises(ChangedDatasetError, match="has 3 images now, not 2"):
        evaluate.open_images(str(tmp_path), 2, "evaluate-3")


def test_the_batches_of_a_folder_hold_each_image_once(tmp_path: Path) -> None:
    def name(number: int) -> str:
        return f"{'AB'[number // 515]}_{number}.png"

    for number in range(1030):
        (tmp_path / name(number)).write_bytes(b"%d" % number)
    found = open_labelled(str(tmp_path))
    assert evaluate.batch_count(found) == 3
    batches = [list(evaluate.samples(found, unit)) for unit in range(3)]
    assert [len(batch) for batch in batches] == [512, 512, 6]
    assert [(name, sample.image) for batch in batches for name, sample in batch] == [
        (name(number), b"%d" % number) for number in range(1030)
    ]
