import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from captcha_core.codecs.options import Decoding
from captcha_core.errors import ForeignOutputError, InputError, OutputExistsError, StorageError
from captcha_core.evaluation import Evaluation
from captcha_core.inputs import Entry, Source
from captcha_core.solving.finish import finish
from captcha_core.solving.plan import ListingEnd, ReadingPlan
from captcha_core.solving.reading import Reading
from captcha_core.tables import Row
from tests.conftest import no_file_may_grow

SOURCE = Source(kind="folder", url="/images", root="/images")


def _entries(count: int) -> list[Entry]:
    return [Entry(path=f"{number:02d}\n.png") for number in range(count)]


def _start(tmp_path: Path, *, overwrite: bool = False, **changes: object) -> Reading:
    fields = {"source": SOURCE, "digest": "c" * 64, "batch": 4, "out": str(tmp_path / "r.csv")}
    return Reading.start(ReadingPlan(**(fields | changes)), overwrite=overwrite)  # type: ignore[arg-type]


def _listed(tmp_path: Path, count: int = 10) -> Reading:
    reading = _start(tmp_path)
    assert list(reading.extend(_entries(count))) == list(range(-(-count // 4)))
    return reading


def _rows(entries: list[Entry]) -> list[Row]:
    return [Row(path=entry.path, text="X", confidence=1.0) for entry in entries]


def _table(tmp_path: Path) -> list[dict[str, str]]:
    with (tmp_path / "r.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_reading_that_could_not_be_begun_leaves_nothing(tmp_path: Path) -> None:
    with no_file_may_grow(), pytest.raises(StorageError):
        _start(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_inputs_are_cut_into_batches_in_their_order(tmp_path: Path) -> None:
    reading = _listed(tmp_path)
    assert reading.listing_end == ListingEnd(images=10, batches=3)
    assert [len(reading.entries(unit)) for unit in range(3)] == [4, 4, 2]
    assert [entry.path for entry in reading.entries(2)] == ["08\n.png", "09\n.png"]


def test_a_batch_can_be_read_before_the_listing_goes_on(tmp_path: Path) -> None:
    reading = _start(tmp_path)
    asked = []

    def entries() -> object:
        for entry in _entries(10):
            asked.append(entry.path)
            yield entry

    numbers = reading.extend(entries())  # type: ignore[arg-type]
    assert next(numbers) == 0
    assert len(asked) == 4
    assert len(reading.entries(0)) == 4
    assert reading.listing_end is None


def test_a_listing_that_was_cut_short_goes_on_with_what_it_lacks(tmp_path: Path) -> None:
    first = _start(tmp_path)
    numbers = first.extend(_entries(10))
    assert [next(numbers), next(numbers)] == [0, 1]
    numbers.close()  # type: ignore[attr-defined]
    # Meanwhile a file came whose name is before the others'.
    again = _start(tmp_path)
    assert list(again.extend([Entry(path="00\n.bmp"), *_entries(10)])) == [2]
    assert [entry.path for entry in again.entries(2)] == ["00\n.bmp", "08\n.png", "09\n.png"]
    assert again.listing_end == ListingEnd(images=11, batches=3)


def test_what_is_known_of_an_image_travels_with_it(tmp_path: Path) -> None:
    entries = [
        Entry(path="a.png"),
        Entry(path="b\udcff.png", at=(512, 100)),
        Entry(path="c.png", label="", row=Row(path="c.png", text="C", confidence=0.5, characters=(0.5,))),
    ]
    reading = _start(tmp_path)
    list(reading.extend(entries))
    assert reading.entries(0) == entries


def test_parts_merge_in_input_order_whatever_order_they_were_made_in(tmp_path: Path) -> None:
    reading = _listed(tmp_path)
    for unit in (2, 0, 1):
        reading.write_rows(unit, _rows(reading.entries(unit)))
    reading.write_table(reading.all_rows({}), rejected=False, complete=True)
    assert [row["path"] for row in _table(tmp_path)] == [f"{n:02d}\n.png" for n in range(10)]


def test_a_batch_given_up_still_has_its_rows(tmp_path: Path) -> None:
    reading = _listed(tmp_path)
    for unit in (0, 2):
        reading.write_rows(unit, _rows(reading.entries(unit)))
    reading.write_table(reading.all_rows({1: "its worker was lost"}), rejected=False, complete=True)
    rows = _table(tmp_path)
    assert len(rows) == 10
    assert [row["error"] for row in rows[4:8]] == ["not read: its worker was lost"] * 4


def test_results_are_refused_while_the_listing_goes_on(tmp_path: Path) -> None:
    reading = _start(tmp_path)
    next(reading.extend(_entries(10)))
    with pytest.raises(InputError, match="not listed to their end"):
        list(reading.all_rows({}))


def test_a_reading_is_taken_up_where_it_was(tmp_path: Path) -> None:
    first = _listed(tmp_path)
    first.write_rows(1, _rows(first.entries(1)))
    again = _start(tmp_path, batch=7)
    assert again.plan == first.plan
    assert [again.done(unit) for unit in range(3)] == [False, True, False]


@pytest.mark.parametrize(
    "change",
    [
        {"source": SOURCE.model_copy(update={"url": "/other", "root": "/other"})},
        {"source": SOURCE.model_copy(update={"recursive": True})},
        {"digest": "d" * 64},
        {"decoding": Decoding(lengths=(5, 5))},
        {"decoding": Decoding(beam=8)},
        {"decoding": Decoding(charset="01")},
        {"decoding": Decoding(ignore_case=True)},
        {"characters": True},
        {"labels": "names"},
    ],
)
def test_another_reading_with_the_same_results_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    _listed(tmp_path)
    with pytest.raises(OutputExistsError, match="unfinished reading"):
        _start(tmp_path, **change)
    assert _start(tmp_path, overwrite=True, **change).batches_listed == 0


def test_rows_of_a_reading_that_was_dropped_go_nowhere(tmp_path: Path) -> None:
    dropped = _listed(tmp_path)
    rows = _rows(dropped.entries(1))
    reading = _start(tmp_path, overwrite=True, decoding=Decoding(lengths=(5, 5)))
    list(reading.extend(_entries(10)))
    with pytest.raises(StorageError):
        dropped.write_rows(1, rows)  # by a worker that was in the middle of it
    assert not reading.done(1)
    assert list((tmp_path / "r.csv.parts").iterdir()) == [Path(reading.folder.root)]


def test_without_images_nothing_is_fixed(tmp_path: Path) -> None:
    reading = _start(tmp_path)
    assert list(reading.extend([])) == []
    assert reading.listing_end is None
    reading.remove()
    assert list(tmp_path.iterdir()) == []


def test_rows_are_added_once_however_often_the_end_is_repeated(tmp_path: Path) -> None:
    first = _listed(tmp_path, 4)
    first.write_rows(0, _rows(first.entries(0)))
    first.write_table(first.all_rows({}), rejected=False, complete=True)
    size = (tmp_path / "r.csv").stat().st_size
    first.remove()
    more = _start(tmp_path, append_at=size)
    list(more.extend([Entry(path="new.png")]))
    more.write_rows(0, _rows(more.entries(0)))
    for _ in range(2):
        more.write_table(more.all_rows({}), rejected=False, complete=True)
    assert [row["path"] for row in _table(tmp_path)] == [*(f"{n:02d}\n.png" for n in range(4)), "new.png"]


def test_a_table_tells_what_it_is_of(tmp_path: Path) -> None:
    reading = _listed(tmp_path, 1)
    assert Reading.origin(reading.out) is None
    reading.write_rows(0, _rows(reading.entries(0)))
    reading.write_table(reading.all_rows({}), rejected=False, complete=True)
    origin = Reading.origin(reading.out)
    assert origin is not None
    assert (origin.source, origin.digest, origin.started_at) == (SOURCE, "c" * 64, reading.plan.started_at)


def test_the_origin_of_a_table_tells_its_decoding_and_an_older_one_had_none(tmp_path: Path) -> None:
    reading = _start(tmp_path, decoding=Decoding(lengths=(4, 5), beam=8))
    list(reading.extend(_entries(1)))
    reading.write_rows(0, _rows(reading.entries(0)))
    reading.write_table(reading.all_rows({}), rejected=False, complete=True)
    origin = Reading.origin(reading.out)
    assert origin is not None
    assert origin.decoding == Decoding(lengths=(4, 5), beam=8)
    older_file = tmp_path / ".r.csv.capq"
    fields = json.loads(older_file.read_text())
    del fields["decoding"]
    older_file.write_text(json.dumps(fields))
    older = Reading.origin(reading.out)
    assert older == origin.model_copy(update={"decoding": Decoding()})


def test_a_damaged_plan_is_told_apart_and_stays(tmp_path: Path) -> None:
    plan = _start(tmp_path).folder.path("job.json")
    Path(plan).write_text("{")
    for overwrite in (False, True):
        with pytest.raises(ForeignOutputError, match="damaged or of another version"):
            _start(tmp_path, overwrite=overwrite)
    assert Path(plan).read_text() == "{"


def test_the_folder_of_an_earlier_version_is_told_apart_and_stays(tmp_path: Path) -> None:
    old = tmp_path / "r.csv.parts"
    old.mkdir()
    (old / "job.json").write_text(json.dumps({"version": 3}))
    with pytest.raises(ForeignOutputError, match="another version"):
        _start(tmp_path, overwrite=True)
    assert (old / "job.json").exists()


def test_a_late_end_of_a_reading_leaves_the_next_one_alone(tmp_path: Path) -> None:
    first = _listed(tmp_path)
    second = _start(tmp_path, overwrite=True, digest="d" * 64)
    list(second.extend(_entries(10)))
    first.remove()  # by a worker that got the message that ends the first reading once more
    assert [len(second.entries(batch)) for batch in range(3)] == [4, 4, 2]
    second.remove()
    assert not (tmp_path / "r.csv.parts").exists()


def test_what_others_put_into_the_working_folder_stays(tmp_path: Path) -> None:
    reading = _listed(tmp_path)
    (tmp_path / "r.csv.parts" / "notes.txt").write_text("precious")
    reading.remove()
    _start(tmp_path).remove()
    assert (tmp_path / "r.csv.parts" / "notes.txt").read_text() == "precious"


def test_a_reading_that_wrote_its_table_is_not_gone_on_with_though_it_was_not_tidied(tmp_path: Path) -> None:
    first = _listed(tmp_path, 4)
    first.write_rows(0, _rows(first.entries(0)))
    first.write_table(first.all_rows({}), rejected=False, complete=True)
    assert Reading.unfinished(first.out) == []
    assert _start(tmp_path).plan.kept_since == first.plan.started_at


def test_a_reading_with_failed_batches_is_gone_on_with(tmp_path: Path) -> None:
    first = _listed(tmp_path, 4)
    first.write_table(first.all_rows({0: "its worker was lost"}), rejected=False, complete=False)
    assert _start(tmp_path).plan.token == first.plan.token


def test_batches_are_small_at_first_grow_and_are_small_again_at_the_end(tmp_path: Path) -> None:
    reading = _start(tmp_path, batch=1500)
    entries = [Entry(path=str(number)) for number in range(100_000)]
    sizes = [len(reading.entries(unit)) for unit in reading.extend(entries)]
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
    few = _start(tmp_path / "few", batch=100)
    assert [len(few.entries(unit)) for unit in few.extend(entries[:250])] == [100, 100, 50]


def test_the_first_images_wait_for_no_others(tmp_path: Path) -> None:
    taken = 0

    def entries() -> Iterator[Entry]:
        nonlocal taken
        for taken in range(1, 10_000):
            yield Entry(path=str(taken))

    numbers = _start(tmp_path, batch=2048).extend(entries())
    seen = [(next(numbers), taken) for _ in range(3)]
    assert seen == [(0, 128), (1, 384), (2, 896)]


def test_who_may_no_longer_write_ends_no_listing_and_no_table(tmp_path: Path) -> None:
    def lost() -> None:
        raise StorageError("lost")

    reading = _start(tmp_path)
    with pytest.raises(StorageError):
        list(reading.extend(_entries(10), lost))
    assert (reading.batches_listed, reading.listing_end) == (0, None)
    list(reading.extend(_entries(10)))
    for batch in range(3):
        reading.write_rows(batch, _rows(reading.entries(batch)))
    with pytest.raises(StorageError):
        finish(reading, kept=0, evaluation=Evaluation(), check=lost)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.csv.parts"]
