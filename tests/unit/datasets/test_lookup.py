from pathlib import Path

import pytest

from captcha_core.datasets import Dataset, LabelledFolder, Plan, lookup
from captcha_core.errors import ChangedDatasetError
from captcha_core.spec import Spec


@pytest.mark.parametrize("layout", ["webdataset", "folder"])
def test_a_datasets_images_are_found_again_by_their_names(tmp_path: Path, layout: str) -> None:
    plan = Plan.model_validate(
        {"spec": Spec.make(width=40, height=40, lengths=1), "shards": 3, "per_shard": 4, "layout": layout}
    )
    dataset = Dataset.begin(str(tmp_path), plan)
    for shard in range(3):
        dataset.write_shard(shard)
    dataset = dataset.finish()
    second = list(lookup.named_samples(dataset, 1, 2))
    assert [name for name, _ in second] == [f"{number:09d}" for number in range(4, 12)]
    images = {name: sample.image for name, sample in (second[0], second[6], second[7])}
    assert lookup.read_images(dataset, images) == images
    with pytest.raises(ChangedDatasetError, match="no longer holds 000000003x"):
        lookup.read_images(LabelledFolder(dataset.folder, ()), ["000000003x"])


def test_a_folders_images_are_found_again_by_their_file_names(tmp_path: Path) -> None:
    for name in ("A.png", "A.jpg", "B_1.PNG", "C.png"):
        (tmp_path / name).write_bytes(name.encode())
    folder = LabelledFolder.open(str(tmp_path))
    pairs = list(lookup.named_samples(folder, 1, 2))
    assert len(pairs) == 2
    names = [name for name, _ in folder.labels]
    assert [name for name, _ in pairs] == names[1:3]
    assert lookup.read_images(folder, names) == {name: name.encode() for name in names}
    (tmp_path / "C.png").unlink()
    with pytest.raises(ChangedDatasetError, match=r"no longer holds C\.png"):
        lookup.read_images(folder, names)
