"""The audit finds what a fault could leave."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from captcha_core.datasets import Dataset, Plan
from captcha_core.tables import Row
from captcha_core.tables.formats import open_table
from workers.ledger.job import Job, State

from . import audit
from .audit import Reference
from .jobs import JOBS, SMALL

_SHARDS, _PER_SHARD = 2, 10


def _record(kind: str, *, units: int, counts: dict[str, int]) -> Job:
    return Job(
        id=f"{kind}-0123456789", kind=kind, request={}, state=State.DONE, total=units, done=units, dead=0,
        published=units, created=0.0, started=0.0, ended=1.0, counts=counts,
    )  # fmt: skip


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """The folder of a job that has made a dataset."""
    folder = tmp_path / "job"
    unfinished = Dataset.begin(str(folder / "data"), Plan(spec=SMALL, shards=_SHARDS, per_shard=_PER_SHARD))
    for shard in range(_SHARDS):
        unfinished.write_shard(shard)
    unfinished.finish()
    return folder


@pytest.fixture
def record(dataset: Path) -> Job:
    written = sum(shard.bytes for shard in Dataset.open(str(dataset / "data")).index.shards)
    return _record("generate", units=_SHARDS, counts={"images": _SHARDS * _PER_SHARD, "bytes": written})


def _change_a_byte(folder: Path) -> None:
    shard = folder / "data" / "shard-000001.tar"
    content = bytearray(shard.read_bytes())
    content[700] ^= 1
    shard.write_bytes(content)


def _leave_a_stray_file(folder: Path) -> None:
    (folder / "data" / ".shard-000001.tar.4711-1f2e3d4c.tmp").write_bytes(b"")


def _remove_a_file(folder: Path) -> None:
    (folder / "data" / "README.md").unlink()


@pytest.mark.parametrize("disturb", [_change_a_byte, _leave_a_stray_file, _remove_a_file])
def test_files_are_compared(dataset: Path, record: Job, disturb: Callable[[Path], None]) -> None:
    reference = Reference(audit.digests(dataset), record.counts, {})
    audit.audit_same(record, dataset, reference)
    disturb(dataset)
    with pytest.raises(AssertionError):
        audit.audit_same(record, dataset, reference)


def test_shards_have_their_digests(dataset: Path, record: Job, tmp_path: Path) -> None:
    audit.audit_results(JOBS["generate"], record, dataset, tmp_path)
    _change_a_byte(dataset)
    with pytest.raises(AssertionError):
        audit.audit_results(JOBS["generate"], record, dataset, tmp_path)


@pytest.mark.parametrize("counts", [{"images": 19}, {"images": 21}, {"bytes": 5}])
def test_sums_are_those_of_the_files(
    dataset: Path, record: Job, tmp_path: Path, counts: dict[str, int]
) -> None:
    wrong = _record("generate", units=_SHARDS, counts=record.counts | counts)
    with pytest.raises(AssertionError):
        audit.audit_results(JOBS["generate"], wrong, dataset, tmp_path)


def _names(count: int) -> list[str]:
    return [f"shard-{index // 5:06d}.tar/{index:09d}.png" for index in range(count)]


@pytest.mark.parametrize(
    ("rows", "whole"),
    [
        (_names(10), True),
        (_names(9), False),
        ([*_names(10), _names(10)[-1]], False),
        ([*_names(9), _names(9)[-1]], False),
        (_names(10)[::-1], False),
    ],
)
def test_each_input_has_one_row(tmp_path: Path, rows: list[str], *, whole: bool) -> None:
    images = SMALL.model_copy(update={"image_format": "png"})
    inputs = Dataset.begin(str(tmp_path / "readable"), Plan(spec=images, shards=2, per_shard=5))
    for shard in range(2):
        inputs.write_shard(shard)
    (tmp_path / "job").mkdir()
    with open_table(str(tmp_path / "job" / "results.csv")) as table:
        table.write([Row(path=name, text="12", confidence=0.5) for name in rows])
    record = _record("solve", units=2, counts={"images": len(rows), "unreadable": 0})
    if whole:
        audit.audit_results(JOBS["solve"], record, tmp_path / "job", tmp_path)
    else:
        with pytest.raises(AssertionError):
            audit.audit_results(JOBS["solve"], record, tmp_path / "job", tmp_path)


def test_what_tells_the_time_is_left_out(tmp_path: Path) -> None:
    model = {"weights_sha256": "aa", "digest": "bb", "training": {"images": 5, "seconds": 1.0, "history": []}}
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps(model))
    before = audit.digests(tmp_path)
    (folder / "model.json").write_text(
        json.dumps(model | {"digest": "cc", "training": model["training"] | {"seconds": 2.0}})  # type: ignore[operator]
    )
    assert audit.digests(tmp_path) == before
    (folder / "model.json").write_text(json.dumps(model | {"weights_sha256": "dd"}))
    assert audit.digests(tmp_path) != before


@pytest.mark.parametrize(
    ("units", "images", "lost", "agrees"),
    [
        (8, 3200, 0, True),
        (7, 2800, 1, True),
        (8, 2800, 1, True),
        (7, 2800, 0, False),
        (6, 2400, 1, False),
        (9, 3600, 4, False),
        (8, 3600, 4, False),
    ],
)
def test_metrics_lack_at_most_what_was_lost(units: int, images: int, lost: int, *, agrees: bool) -> None:
    record = _record("generate", units=8, counts={"images": 3200})
    assert (audit.metrics_difference(record, units, images, lost) == "") == agrees


@pytest.mark.parametrize(
    "change", [{"state": State.FAILED}, {"dead": 1}, {"done": 7}, {"counts": {"images": 3199}}]
)
def test_each_unit_counts_once(change: dict[str, object]) -> None:
    record = _record("generate", units=8, counts={"images": JOBS["generate"].images})
    audit.audit_record(JOBS["generate"], record)
    with pytest.raises(AssertionError):
        audit.audit_record(JOBS["generate"], replace(record, **change))  # type: ignore[arg-type]
