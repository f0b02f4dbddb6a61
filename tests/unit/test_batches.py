import csv
from pathlib import Path

import pytest

from captcha_core.batches import Batches
from captcha_core.errors import DatasetError
from captcha_core.results import Row


def _begin(tmp_path: Path, count: int = 10, **changes: object) -> Batches:
    fields = {"directory": "/images", "recursive": False, "checkpoint": "c" * 64, "batch": 4}
    paths = (f"{number:02d}\n.png" for number in range(count))
    return Batches.begin(paths, out=str(tmp_path / "r.csv"), **(fields | changes))  # type: ignore[arg-type]


def _rows(paths: list[str]) -> list[Row]:
    return [Row(path=path, text="X", confidence=1.0) for path in paths]


def test_inputs_are_cut_into_batches_in_their_order(tmp_path: Path) -> None:
    batches = _begin(tmp_path)
    assert batches.plan.batches == 3
    assert [len(batches.inputs(unit)) for unit in range(3)] == [4, 4, 2]
    assert batches.inputs(2) == ["08\n.png", "09\n.png"]


def test_parts_merge_in_input_order_whatever_order_they_were_made_in(tmp_path: Path) -> None:
    batches = _begin(tmp_path)
    for unit in (2, 0, 1):
        batches.write_part(unit, _rows(batches.inputs(unit)))
    batches.merge({})
    with (tmp_path / "r.csv").open(newline="") as file:
        assert [row["path"] for row in csv.DictReader(file)] == [f"{n:02d}\n.png" for n in range(10)]


def test_a_batch_given_up_still_has_its_rows(tmp_path: Path) -> None:
    batches = _begin(tmp_path)
    for unit in (0, 2):
        batches.write_part(unit, _rows(batches.inputs(unit)))
    batches.merge({1: "its worker was lost"})
    with (tmp_path / "r.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert [row["error"] for row in rows[4:8]] == ["not read: its worker was lost"] * 4


def test_a_reading_is_taken_up_where_it_was(tmp_path: Path) -> None:
    first = _begin(tmp_path)
    first.write_part(1, _rows(first.inputs(1)))
    again = _begin(tmp_path, batch=7)
    assert again.plan == first.plan
    assert [again.done(unit) for unit in range(3)] == [False, True, False]


@pytest.mark.parametrize("change", [{"directory": "/other"}, {"recursive": True}, {"checkpoint": "d" * 64}])
def test_another_reading_with_the_same_results_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    _begin(tmp_path)
    with pytest.raises(DatasetError, match="another reading"):
        _begin(tmp_path, **change)


def test_an_empty_folder_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no images"):
        _begin(tmp_path, count=0)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_plan_says_what_to_do(tmp_path: Path) -> None:
    _begin(tmp_path)
    (tmp_path / "r.csv.parts" / "job.json").write_text("{")
    with pytest.raises(DatasetError, match="delete that folder"):
        Batches.find(str(tmp_path / "r.csv"))
