import hashlib
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import webdataset

from captcha_core.datasets import Dataset, Plan, open_labelled
from captcha_core.errors import (
    DamagedDatasetError,
    DatasetError,
    ForeignOutputError,
    OtherDatasetError,
    StorageError,
    UnfinishedDatasetError,
)
from captcha_core.images.decoding import decode
from captcha_core.spec import Spec
from tests.conftest import no_file_may_grow

SPEC = Spec.make(width=120, height=50, lengths="3-5", image_format="png")


def _plan(**changes: object) -> Plan:
    return Plan.model_validate({"spec": SPEC, "seed": 9, "shards": 3, "per_shard": 20} | changes)


def _make(folder: Path, plan: Plan, order: list[int] | None = None) -> Dataset:
    dataset = Dataset.begin(str(folder), plan)
    for shard in order or range(plan.shards):
        dataset.write_shard(shard)
    return dataset.finish()


def _files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("layout", ["webdataset", "folder"])
def test_the_same_plan_gives_the_same_bytes_in_whatever_order(tmp_path: Path, layout: str) -> None:
    plan = _plan(layout=layout)
    first = _make(tmp_path / "a", plan)
    second = _make(tmp_path / "b", plan, order=[2, 0, 1])
    assert _files(tmp_path / "a") == _files(tmp_path / "b")
    assert first.sha256 == second.sha256


def test_another_seed_or_spec_gives_other_bytes(tmp_path: Path) -> None:
    digests = {
        _make(tmp_path / "a", _plan()).sha256,
        _make(tmp_path / "b", _plan(seed=10)).sha256,
        _make(tmp_path / "c", _plan(spec=SPEC.replaced(lengths=4))).sha256,
    }
    assert len(digests) == 3


@pytest.mark.parametrize("layout", ["webdataset", "folder"])
def test_a_shard_made_twice_is_the_same(tmp_path: Path, layout: str) -> None:
    dataset = Dataset.begin(str(tmp_path), _plan(layout=layout))
    record = dataset.write_shard(1)
    before = _files(tmp_path)
    (tmp_path / ".capq" / "shard-000001.json").unlink()
    assert dataset.write_shard(1) == record
    assert _files(tmp_path) == before


def test_webdataset_reads_every_sample(tmp_path: Path) -> None:
    dataset = _make(tmp_path, _plan())
    urls = [str(path) for path in sorted(tmp_path.glob("*.tar"))]
    theirs = list(webdataset.WebDataset(urls, shardshuffle=False, empty_check=False).decode("rgb8"))
    assert len(theirs) == 60
    ours = list(dataset)
    assert [sample["txt"] for sample in theirs] == [sample.text for sample in ours]
    assert (theirs[17]["png"] == decode(ours[17].image)).all()


def test_tar_members_carry_nothing_of_the_machine(tmp_path: Path) -> None:
    _make(tmp_path, _plan())
    with tarfile.open(tmp_path / "shard-000000.tar") as tar:
        members = tar.getmembers()
    assert [m.name for m in members[:2]] == ["000000000.png", "000000000.txt"]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}


def test_the_folder_layout_is_the_origins(tmp_path: Path) -> None:
    dataset = _make(tmp_path, _plan(layout="folder"))
    labels = (tmp_path / "labels.txt").read_text().splitlines()
    images = sorted(tmp_path.glob("*.png"))
    assert len(labels) == len(images) == 60
    assert labels == [sample.text for sample in dataset]
    assert (tmp_path / "metadata.csv").read_text().splitlines()[:2] == [
        "file_name,text",
        f"000000000.png,{labels[0]}",
    ]


def test_labels_stay_readable_as_a_users_own_folder(tmp_path: Path) -> None:
    _make(tmp_path, _plan(layout="folder"))
    (tmp_path / "dataset.json").unlink()
    own = open_labelled(str(tmp_path))
    assert len(own) == 60
    assert [text for _, text in own.labels] == (tmp_path / "labels.txt").read_text().splitlines()  # type: ignore[union-attr]


def test_an_unfinished_dataset_says_so_and_is_continued(tmp_path: Path) -> None:
    plan = _plan()
    Dataset.begin(str(tmp_path), plan).write_shard(1)
    with pytest.raises(UnfinishedDatasetError, match="not finished"):
        Dataset.open(str(tmp_path))
    again = Dataset.begin(str(tmp_path), plan)
    assert again.finished() == {1}
    for shard in (0, 2):
        again.write_shard(shard)
    assert len(again.finish()) == 60


def test_finishing_too_early_is_refused(tmp_path: Path) -> None:
    dataset = Dataset.begin(str(tmp_path), _plan())
    dataset.write_shard(0)
    with pytest.raises(UnfinishedDatasetError, match="lacks 2 shards: 1, 2"):
        dataset.finish()


def test_a_dataset_can_be_made_longer(tmp_path: Path) -> None:
    _make(tmp_path / "a", _plan(shards=2))
    before = _files(tmp_path / "a")
    longer = _make(tmp_path / "a", _plan(shards=3))
    assert len(longer) == 60
    after = _files(tmp_path / "a")
    assert all(
        after[name] == digest for name, digest in before.items() if name not in ("dataset.json", "README.md")
    )
    assert longer.sha256 == _make(tmp_path / "b", _plan(shards=3)).sha256


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"seed": 1}, "seed"),
        ({"per_shard": 5}, "per_shard"),
        ({"layout": "folder"}, "layout"),
        ({"shards": 2}, "already has 3"),
    ],
)
def test_another_dataset_in_the_folder_is_never_touched(
    tmp_path: Path, changes: dict[str, object], word: str
) -> None:
    _make(tmp_path, _plan())
    before = _files(tmp_path)
    with pytest.raises(OtherDatasetError, match=word):
        Dataset.begin(str(tmp_path), _plan(**changes))
    assert _files(tmp_path) == before


def test_another_dataset_is_safe_before_its_first_shard(tmp_path: Path) -> None:
    Dataset.begin(str(tmp_path), _plan())
    with pytest.raises(OtherDatasetError, match="seed"):
        Dataset.begin(str(tmp_path), _plan(seed=1))
    with pytest.raises(UnfinishedDatasetError, match="not finished"):
        open_labelled(str(tmp_path))


def test_a_finished_dataset_needs_no_work(tmp_path: Path) -> None:
    _make(tmp_path, _plan())
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    _make(tmp_path, _plan())
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_store_without_folders_works_the_same(tmp_path: Path) -> None:
    url = f"memory://{tmp_path.name}/set"
    dataset = Dataset.begin(url, _plan())
    for shard in range(3):
        dataset.write_shard(shard)
    assert dataset.finish().sha256 == _make(tmp_path / "a", _plan()).sha256
    assert len(list(Dataset.open(url))) == 60


def test_a_damaged_index_is_named(tmp_path: Path) -> None:
    _make(tmp_path, _plan())
    (tmp_path / "dataset.json").write_text('{"version": 1}')
    with pytest.raises(DatasetError, match=r"dataset\.json is damaged"):
        Dataset.open(str(tmp_path))


def test_an_index_of_a_later_version_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    _make(tmp_path, _plan())
    index = json.loads((tmp_path / "dataset.json").read_text()) | {"version": 2}
    (tmp_path / "dataset.json").write_text(json.dumps(index))
    with pytest.raises(DatasetError, match=r"from another version of capq \(version: Input should be 1\)"):
        Dataset.open(str(tmp_path))


def test_a_tar_cut_short_is_named(tmp_path: Path) -> None:
    dataset = _make(tmp_path, _plan())
    path = tmp_path / "shard-000001.tar"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DamagedDatasetError, match="shard-000001"):
        list(dataset)


def test_a_tar_cannot_write_outside(tmp_path: Path) -> None:
    dataset = _make(tmp_path / "data", _plan())
    path = tmp_path / "data" / "shard-000000.tar"
    with tarfile.open(path, "w") as tar:
        for name in ("../../evil.png", "../../evil.txt"):
            (tmp_path / "x").write_bytes(b"evil")
            tar.add(tmp_path / "x", name)
    assert [sample.text for sample in dataset.shard(0)] == ["evil"]
    assert not list(tmp_path.parent.glob("evil*"))


@pytest.mark.parametrize("layout", ["webdataset", "folder"])
@pytest.mark.parametrize(
    "name", ["labels.txt", "metadata.csv", "labels.csv", "1.png", "X7PQ.JPEG", "shard-000000.tar", ".capq"]
)
def test_a_folder_of_ones_own_files_becomes_no_dataset(tmp_path, layout, name):
    """`labels.txt` and `metadata.csv` were written over, and an index hid the labels of one's own images."""
    own = tmp_path / "own"
    own.mkdir()
    (own / name).mkdir() if name == ".capq" else (own / name).write_text("AAAA")
    with pytest.raises(ForeignOutputError, match=f"files such as {name}"):
        Dataset.begin(str(own), Plan(spec=SPEC, shards=1, per_shard=1, layout=layout))
    assert [path.name for path in own.iterdir()] == [name]
    assert (own / name).is_dir() or (own / name).read_text() == "AAAA"


def test_what_could_not_be_begun_is_begun_again(tmp_path):
    """On a full disk `.capq` was left without an index, and was somebody else's to the same command again."""
    plan, out = Plan(spec=SPEC, shards=1, per_shard=1), str(tmp_path / "data")
    with no_file_may_grow(), pytest.raises(StorageError):
        Dataset.begin(out, plan)
    dataset = Dataset.begin(out, plan)
    dataset.write_shard(0)
    assert len(dataset.finish()) == 1


def test_other_files_are_no_obstacle(tmp_path):
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "src").mkdir()
    dataset = Dataset.begin(str(tmp_path), Plan(spec=SPEC, shards=1, per_shard=1))
    dataset.write_shard(0)
    assert len(dataset.finish()) == 1
    assert (tmp_path / "README.md").read_text() == "about"


def test_a_dataset_in_an_empty_folder_goes_on(tmp_path):
    plan = Plan(spec=SPEC, shards=2, per_shard=1, layout="folder")
    Dataset.begin(str(tmp_path), plan).write_shard(0)
    again = Dataset.begin(str(tmp_path), plan)
    assert again.finished() == {0}


def _lost_after(calls: int) -> Callable[[], None]:
    """Return a check that raises after so many calls."""
    left = [True] * calls

    def check() -> None:
        if not left:
            raise StorageError("lost")
        left.pop()

    return check


@pytest.mark.parametrize("layout", ["webdataset", "folder"])
def test_who_may_no_longer_write_marks_no_shard(tmp_path: Path, layout: str) -> None:
    dataset = Dataset.begin(str(tmp_path), _plan(layout=layout, per_shard=300))
    for calls in range(4):  # before 250 images, before 50 more, before the shard's file, and before its mark
        with pytest.raises(StorageError):
            dataset.write_shard(0, _lost_after(calls))
        assert dataset.record(0) is None
        assert (tmp_path / "shard-000000.tar").exists() == (layout == "webdataset" and calls == 3)
    assert dataset.write_shard(0, _lost_after(4)) == dataset.record(0)
