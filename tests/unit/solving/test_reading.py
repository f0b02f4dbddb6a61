"""A table that is there already: what of it is kept, and when it is refused."""

import os
from pathlib import Path

import pytest

from captcha_core.codecs.options import Decoding
from captcha_core.errors import DatasetError
from captcha_core.inputs import find_source
from captcha_core.solving import reading
from captcha_core.solving.batches import Batches
from captcha_core.solving.plan import BatchPlan
from captcha_core.tables import Row
from captcha_core.tables.formats import read_table


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("b.png", "d.png"):
        (folder / name).write_bytes(b"")
        os.utime(folder / name, (1000, 1000))
    return folder


def _plan(images: Path, **changes: object) -> BatchPlan:
    fields = {
        "source": find_source(str(images)),
        "checkpoint": "c",
        "batch": 2,
        "out": str(images.parent / "r.csv"),
        "begun": 2000.0,
    }
    return BatchPlan(**(fields | changes))  # type: ignore[arg-type]


def _finish(batches: Batches, text: str, error: str = "") -> None:
    """Do what the workers do, with `text` for each image that is to be read."""
    for unit in reading.units(batches):
        rows = [
            entry.row
            or Row(
                path=entry.path, text="" if error else text, confidence=None if error else 1.0, error=error
            )
            for entry in batches.entries(unit)
        ]
        batches.write_rows(unit, rows)
    batches.write_table(batches.results({}), rejected=False)
    Batches.remove(batches.plan.out)


def _texts(images: Path) -> list[tuple[str, str]]:
    return [(row.path, row.text) for row in read_table(str(images.parent / "r.csv"))]


def test_only_new_images_are_read_and_the_table_is_in_order(images: Path) -> None:
    _finish(reading.begin(_plan(images)), "OLD")
    for name in ("a.png", "c.png"):
        (images / name).write_bytes(b"")
    _finish(reading.begin(_plan(images)), "NEW")
    assert _texts(images) == [("a.png", "NEW"), ("b.png", "OLD"), ("c.png", "NEW"), ("d.png", "OLD")]


def test_an_image_that_changed_since_is_read_again(images: Path) -> None:
    _finish(reading.begin(_plan(images)), "OLD")
    os.utime(images / "d.png", (3000, 3000))
    _finish(reading.begin(_plan(images)), "NEW")
    assert _texts(images) == [("b.png", "OLD"), ("d.png", "NEW")]


def test_an_image_that_could_not_be_read_is_tried_again(images: Path) -> None:
    _finish(reading.begin(_plan(images)), "", error="not read: its worker was lost")
    _finish(reading.begin(_plan(images)), "NEW")
    assert _texts(images) == [("b.png", "NEW"), ("d.png", "NEW")]


def test_rows_of_images_that_are_gone_stay_at_the_end(images: Path) -> None:
    _finish(reading.begin(_plan(images)), "OLD")
    (images / "b.png").unlink()
    (images / "e.png").write_bytes(b"")
    _finish(reading.begin(_plan(images)), "NEW")
    assert _texts(images) == [("d.png", "OLD"), ("e.png", "NEW"), ("b.png", "OLD")]


def test_overwriting_keeps_nothing(images: Path) -> None:
    _finish(reading.begin(_plan(images)), "OLD")
    _finish(reading.begin(_plan(images), overwrite=True), "NEW")
    assert _texts(images) == [("b.png", "NEW"), ("d.png", "NEW")]


def test_overwriting_drops_a_begun_reading_that_keeps_rows(images: Path) -> None:
    _finish(reading.begin(_plan(images)), "OLD")
    begun = reading.begin(_plan(images))
    assert next(reading.units(begun)) == 0
    _finish(reading.begin(_plan(images), overwrite=True), "NEW")
    assert _texts(images) == [("b.png", "NEW"), ("d.png", "NEW")]


def test_a_begun_reading_goes_on_in_each_way_of_asking(images: Path) -> None:
    begun = reading.begin(_plan(images, batch=1))
    assert next(reading.units(begun)) == 0
    begun.write_rows(0, [Row(path="b.png", text="FIRST", confidence=1.0)])
    for overwrite in (False, True):
        assert reading.begin(_plan(images), overwrite=overwrite).done(0)
    assert list(reading.units(begun)) == [0, 1]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"checkpoint": "d"}, "another network"),
        ({"decoding": Decoding(lengths=(5, 5))}, "without --length or --beam"),
        ({"characters": True}, "characters"),
    ],
)
def test_a_table_of_another_reading_is_refused(images: Path, changes: dict[str, object], word: str) -> None:
    _finish(reading.begin(_plan(images)), "OLD")
    with pytest.raises(DatasetError, match=f"{word}.*--overwrite"):
        reading.begin(_plan(images, **changes))
    assert not Path(f"{images.parent}/r.csv.parts").exists()


def test_a_table_read_with_known_lengths_goes_on_with_these_alone(images: Path) -> None:
    held = {"decoding": Decoding(lengths=(4, 5), beam=8)}
    _finish(reading.begin(_plan(images, **held)), "OLD")
    with pytest.raises(DatasetError, match=r"with --length 4-5 --beam 8: .*--overwrite"):
        reading.begin(_plan(images))
    (images / "c.png").write_bytes(b"")
    _finish(reading.begin(_plan(images, **held)), "NEW")
    assert _texts(images) == [("b.png", "OLD"), ("c.png", "NEW"), ("d.png", "OLD")]


def test_a_table_of_other_images_is_refused(images: Path) -> None:
    _finish(reading.begin(_plan(images)), "OLD")
    (images.parent / "other").mkdir()
    with pytest.raises(DatasetError, match=r"of the images of .*--overwrite"):
        reading.begin(_plan(images, source=find_source(str(images.parent / "other"))))


def test_a_table_that_nobody_knows_is_refused(images: Path) -> None:
    (images.parent / "r.csv").write_text("precious")
    with pytest.raises(DatasetError, match="--overwrite"):
        reading.begin(_plan(images))


def test_a_wider_look_at_the_same_folder_keeps_its_rows(images: Path) -> None:
    _finish(reading.begin(_plan(images)), "OLD")
    (images / "sub").mkdir()
    (images / "sub" / "x.png").write_bytes(b"")
    _finish(reading.begin(_plan(images, source=find_source(str(images), recursive=True))), "NEW")
    assert _texts(images) == [("b.png", "OLD"), ("d.png", "OLD"), ("sub/x.png", "NEW")]
