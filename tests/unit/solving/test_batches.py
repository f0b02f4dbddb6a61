import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from captcha_core.codecs.options import Decoding
from captcha_core.errors import DatasetError
from captcha_core.inputs import Entry, Source
from captcha_core.solving.batches import Batches
from captcha_core.solving.plan import BatchPlan, Listed, Origin
from captcha_core.tables import Row

SOURCE = Source(kind="folder", url="/images", root="/images")


def _entries(count: int) -> list[Entry]:
    return [Entry(path=f"{number:02d}\n.png") for number in range(count)]


def _begin(tmp_path: Path, *, replace: bool = False, **changes: object) -> Batches:
    fields = {"source": SOURCE, "checkpoint": "c" * 64, "batch": 4, "out": str(tmp_path / "r.csv")}
    return Batches.begin(BatchPlan(**(fields | changes)), replace=replace)  # type: ignore[arg-type]


def _listed(tmp_path: Path, count: int = 10) -> Batches:
    batches = _begin(tmp_path)
    assert list(batches.extend(_entries(count))) == list(range(-(-count // 4)))
    return batches


def _rows(entries: list[Entry]) -> list[Row]:
    return [Row(path=entry.path, text="X", confidence=1.0) for entry in entries]


def _table(tmp_path: Path) -> list[dict[str, str]]:
    with (tmp_path / "r.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_inputs_are_cut_into_batches_in_their_order(tmp_path: Path) -> None:
    batches = _listed(tmp_path)
    assert batches.listed == Listed(images=10, batches=3)
    assert [len(batches.entries(unit)) for unit in range(3)] == [4, 4, 2]
    assert [entry.path for entry in batches.entries(2)] == ["08\n.png", "09\n.png"]


def test_a_batch_can_be_read_before_the_listing_goes_on(tmp_path: Path) -> None:
    batches = _begin(tmp_path)
    asked = []

    def entries() -> object:
        for entry in _entries(10):
            asked.append(entry.path)
            yield entry

    numbers = batches.extend(entries())  # type: ignore[arg-type]
    assert next(numbers) == 0
    assert len(asked) == 4
    assert len(batches.entries(0)) == 4
    assert batches.listed is None


def test_a_listing_that_was_cut_short_goes_on_with_what_it_lacks(tmp_path: Path) -> None:
    first = _begin(tmp_path)
    numbers = first.extend(_entries(10))
    assert [next(numbers), next(numbers)] == [0, 1]
    numbers.close()  # type: ignore[attr-defined]
    # Meanwhile a file came whose name is before the others'.
    again = _begin(tmp_path)
    assert list(again.extend([Entry(path="00\n.bmp"), *_entries(10)])) == [2]
    assert [entry.path for entry in again.entries(2)] == ["00\n.bmp", "08\n.png", "09\n.png"]
    assert again.listed == Listed(images=11, batches=3)


def test_what_is_known_of_an_image_travels_with_it(tmp_path: Path) -> None:
    entries = [
        Entry(path="a.png"),
        Entry(path="b\udcff.png", at=(512, 100)),
        Entry(path="c.png", label="", row=Row(path="c.png", text="C", confidence=0.5, characters=(0.5,))),
    ]
    batches = _begin(tmp_path)
    list(batches.extend(entries))
    assert batches.entries(0) == entries


def test_parts_merge_in_input_order_whatever_order_they_were_made_in(tmp_path: Path) -> None:
    batches = _listed(tmp_path)
    for unit in (2, 0, 1):
        batches.write_rows(unit, _rows(batches.entries(unit)))
    batches.write_table(batches.results({}), rejected=False)
    assert [row["path"] for row in _table(tmp_path)] == [f"{n:02d}\n.png" for n in range(10)]


def test_a_batch_given_up_still_has_its_rows(tmp_path: Path) -> None:
    batches = _listed(tmp_path)
    for unit in (0, 2):
        batches.write_rows(unit, _rows(batches.entries(unit)))
    batches.write_table(batches.results({1: "its worker was lost"}), rejected=False)
    rows = _table(tmp_path)
    assert len(rows) == 10
    assert [row["error"] for row in rows[4:8]] == ["not read: its worker was lost"] * 4


def test_results_are_refused_while_the_listing_goes_on(tmp_path: Path) -> None:
    batches = _begin(tmp_path)
    next(batches.extend(_entries(10)))
    with pytest.raises(DatasetError, match="same command"):
        list(batches.results({}))


def test_a_reading_is_taken_up_where_it_was(tmp_path: Path) -> None:
    first = _listed(tmp_path)
    first.write_rows(1, _rows(first.entries(1)))
    again = _begin(tmp_path, batch=7)
    assert again.plan == first.plan
    assert [again.done(unit) for unit in range(3)] == [False, True, False]


@pytest.mark.parametrize(
    "change",
    [
        {"source": SOURCE.model_copy(update={"url": "/other", "root": "/other"})},
        {"source": SOURCE.model_copy(update={"recursive": True})},
        {"checkpoint": "d" * 64},
        {"decoding": Decoding(lengths=(5, 5))},
        {"decoding": Decoding(beam=8)},
        {"characters": True},
        {"labels": "names"},
    ],
)
def test_another_reading_with_the_same_results_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    _listed(tmp_path)
    with pytest.raises(DatasetError, match="another reading"):
        _begin(tmp_path, **change)
    assert _begin(tmp_path, replace=True, **change).written() == 0


def test_rows_of_a_reading_that_was_dropped_are_not_taken_for_those_of_the_next(tmp_path: Path) -> None:
    dropped = _listed(tmp_path)
    batches = _begin(tmp_path, replace=True, decoding=Decoding(lengths=(5, 5)))
    list(batches.extend(_entries(10)))
    dropped.write_rows(1, _rows(dropped.entries(1)))  # by a worker that was in the middle of it
    assert not batches.done(1)


def test_without_images_nothing_is_fixed(tmp_path: Path) -> None:
    batches = _begin(tmp_path)
    assert list(batches.extend([])) == []
    assert batches.listed is None
    Batches.remove(batches.plan.out)
    assert list(tmp_path.iterdir()) == []


def test_rows_are_added_once_however_often_the_end_is_repeated(tmp_path: Path) -> None:
    first = _listed(tmp_path, 4)
    first.write_rows(0, _rows(first.entries(0)))
    first.write_table(first.results({}), rejected=False)
    size = (tmp_path / "r.csv").stat().st_size
    Batches.remove(first.plan.out)
    more = _begin(tmp_path, append_at=size)
    list(more.extend([Entry(path="new.png")]))
    more.write_rows(0, _rows(more.entries(0)))
    for _ in range(2):
        more.write_table(more.results({}), rejected=False)
    assert [row["path"] for row in _table(tmp_path)] == [*(f"{n:02d}\n.png" for n in range(4)), "new.png"]


def test_a_table_tells_what_it_is_of(tmp_path: Path) -> None:
    batches = _listed(tmp_path, 1)
    assert Origin.find(batches.plan.out) is None
    batches.write_rows(0, _rows(batches.entries(0)))
    batches.write_table(batches.results({}), rejected=False)
    origin = Origin.find(batches.plan.out)
    assert origin is not None
    assert (origin.source, origin.checkpoint, origin.begun) == (SOURCE, "c" * 64, batches.plan.begun)


def test_the_origin_of_a_table_tells_its_decoding_and_an_older_one_had_none(tmp_path: Path) -> None:
    batches = _begin(tmp_path, decoding=Decoding(lengths=(4, 5), beam=8))
    list(batches.extend(_entries(1)))
    batches.write_rows(0, _rows(batches.entries(0)))
    batches.write_table(batches.results({}), rejected=False)
    origin = Origin.find(batches.plan.out)
    assert origin is not None
    assert origin.decoding == Decoding(lengths=(4, 5), beam=8)
    older_file = tmp_path / ".r.csv.capq"
    fields = json.loads(older_file.read_text())
    del fields["decoding"]
    older_file.write_text(json.dumps(fields))
    older = Origin.find(batches.plan.out)
    assert older == origin.model_copy(update={"decoding": Decoding()})


def test_a_damaged_plan_says_what_to_do(tmp_path: Path) -> None:
    _begin(tmp_path)
    (tmp_path / "r.csv.parts" / "job.json").write_text("{")
    with pytest.raises(DatasetError, match="delete that folder"):
        Batches.find(str(tmp_path / "r.csv"))


def test_a_plan_of_an_older_version_says_what_to_do(tmp_path: Path) -> None:
    _begin(tmp_path)
    plan = tmp_path / "r.csv.parts" / "job.json"
    fields = json.loads(plan.read_text())
    plan.write_text(json.dumps(fields | {"version": fields["version"] - 1}))
    with pytest.raises(DatasetError, match="delete that folder"):
        _begin(tmp_path)


def test_batches_are_small_at_first_grow_and_are_small_again_at_the_end(tmp_path: Path) -> None:
    batches = _begin(tmp_path, batch=1500)
    entries = [Entry(path=str(number)) for number in range(100_000)]
    sizes = [len(batches.entries(unit)) for unit in batches.extend(entries)]
    assert sum(sizes) == 100_000
    assert sizes[:6] == [128, 256, 512, 1024, 1024, 1024]
    top = sizes.index(1500)
    assert sizes[:top] == sorted(sizes[:top])
    end = len(sizes) - sizes[::-1].index(1500)
    assert set(sizes[top:end]) == {1500}
    assert len(sizes[end:]) > 4
    assert sizes[end:] == sorted(sizes[end:], reverse=True)
    assert all(
        4 * size < sum(sizes[place:]) + 4 for place, size in enumerate(sizes) if place >= end and size > 128
    )
    few = _begin(tmp_path / "few", batch=100)
    assert [len(few.entries(unit)) for unit in few.extend(entries[:250])] == [100, 100, 50]


def test_the_first_images_wait_for_no_others(tmp_path: Path) -> None:
    taken = 0

    def entries() -> Iterator[Entry]:
        nonlocal taken
        for taken in range(1, 10_000):
            yield Entry(path=str(taken))

    numbers = _begin(tmp_path, batch=2048).extend(entries())
    seen = [(next(numbers), taken) for _ in range(3)]
    assert seen == [(0, 128), (1, 384), (2, 896)]
