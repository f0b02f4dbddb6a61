from pathlib import Path

import pytest

from captcha_core.datasets import Dataset, Plan, verify
from captcha_core.errors import DatasetError
from captcha_core.spec import Spec


def _dataset(folder: Path, layout: str, **fields: object) -> Dataset:
    spec = Spec.make(width=80, height=40, lengths=2, **fields)
    plan = Plan.model_validate({"spec": spec, "shards": 3, "per_shard": 10, "layout": layout})
    dataset = Dataset.begin(str(folder), plan)
    for shard in range(3):
        dataset.write_shard(shard)
    return dataset.finish()


@pytest.mark.parametrize("layout", ["webdataset", "folder"])
def test_an_untouched_dataset_is_sound(tmp_path: Path, layout: str) -> None:
    verdicts = list(verify(_dataset(tmp_path, layout), render=4))
    assert [(verdict.images, verdict.rendered, verdict.fault) for verdict in verdicts] == [(10, 4, "")] * 3


@pytest.mark.parametrize(
    ("layout", "name"), [("webdataset", "shard-000001.tar"), ("folder", "000000013.jpg")]
)
def test_one_changed_byte_is_found_and_repaired(tmp_path: Path, layout: str, name: str) -> None:
    dataset = _dataset(tmp_path, layout)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:600] + bytes([whole[600] ^ 1]) + whole[601:])
    assert [bool(verdict.fault) for verdict in verify(dataset)] == [False, True, False]
    dataset.repair_shard(1)
    assert (tmp_path / name).read_bytes() == whole
    assert not any(verdict.fault for verdict in verify(dataset))


@pytest.mark.parametrize(
    ("layout", "name"), [("webdataset", "shard-000002.tar"), ("folder", "000000029.jpg")]
)
def test_a_missing_file_is_found_and_named(tmp_path: Path, layout: str, name: str) -> None:
    dataset = _dataset(tmp_path, layout)
    (tmp_path / name).unlink()
    last = list(verify(dataset))[2]
    assert name in last.fault


def test_a_dataset_that_this_machine_would_draw_otherwise_is_found(tmp_path: Path) -> None:
    _dataset(tmp_path, "webdataset")
    index = tmp_path / "dataset.json"
    index.write_text(index.read_text().replace('"noise_dots": 30', '"noise_dots": 29'))
    dataset = Dataset.open(str(tmp_path))
    assert not any(verdict.fault for verdict in verify(dataset))
    assert all("spec and seed" in verdict.fault for verdict in verify(dataset, render=1))
    with pytest.raises(DatasetError, match="otherwise"):
        dataset.repair_shard(0)
