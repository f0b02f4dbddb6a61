"""The dataset card."""

from pathlib import Path

import pytest
import yaml

from captcha_core.datasets import Dataset, Plan, card, open_labelled
from captcha_core.spec import Spec

SPEC = Spec.make(width=60, height=60, lengths=(1, 2), charset="|`0")


def _plan(layout: str = "webdataset", shards: int = 1) -> Plan:
    return Plan(spec=SPEC, shards=shards, per_shard=3, layout=layout)


def _generate(folder: Path, plan: Plan) -> Dataset:
    dataset = Dataset.begin(str(folder), plan)
    for shard in range(plan.shards):
        dataset.write_shard(shard, engine="pillow")
    return dataset.finish()


def _header(folder: Path) -> dict[str, object]:
    _, header, _ = (folder / card.NAME).read_text(encoding="utf-8").split("---\n", 2)
    return dict(yaml.safe_load(header))


@pytest.mark.parametrize(
    ("layout", "patterns"), [("webdataset", ["shard-*.tar"]), ("folder", ["*.jpg", "metadata.csv"])]
)
def test_its_header_names_the_files_that_hugging_face_loads(
    tmp_path: Path, layout: str, patterns: list[str]
) -> None:
    folder = tmp_path / "data"
    _generate(folder, _plan(layout))
    (config,) = _header(folder)["configs"]  # type: ignore[misc]
    assert config["data_files"] == [{"split": "train", "path": patterns}]
    for pattern in patterns:
        assert list(folder.glob(pattern))
    assert _header(folder)["size_categories"] == ["n<1K"]


def test_it_says_what_the_images_are(tmp_path: Path) -> None:
    dataset = _generate(tmp_path / "data", _plan())
    text = (tmp_path / "data" / card.NAME).read_text(encoding="utf-8")
    for expected in (dataset.sha256, SPEC.digest, "60×60", "1 to 2 characters of `` \\|`0 ``"):
        assert expected in text
    assert dataset.has_card()
    assert len(open_labelled(str(tmp_path / "data"))) == 3


def test_a_longer_dataset_gets_a_new_card(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    _generate(folder, _plan())
    before = (folder / card.NAME).read_bytes()
    longer = _generate(folder, _plan(shards=2))
    assert longer.has_card()
    assert (folder / card.NAME).read_bytes() != before


@pytest.mark.parametrize("change", ["a word more", ""])
def test_a_readme_of_ones_own_or_a_changed_card_stays(tmp_path: Path, change: str) -> None:
    folder = tmp_path / "data"
    if change:
        _generate(folder, _plan())
        text = (folder / card.NAME).read_text(encoding="utf-8") + change
    else:
        folder.mkdir()
        text = "# Mine\n"
    (folder / card.NAME).write_text(text, encoding="utf-8")
    assert not _generate(folder, _plan(shards=2)).has_card()
    assert (folder / card.NAME).read_text(encoding="utf-8") == text
