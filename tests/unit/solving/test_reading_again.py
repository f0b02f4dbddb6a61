"""A table that is there already: what of it is kept, and when it is refused."""

import os
import time
from pathlib import Path

import pytest

from captcha_core.codecs.options import Decoding
from captcha_core.errors import ForeignOutputError, OutputExistsError
from captcha_core.inputs import find_source
from captcha_core.solving.plan import ReadingPlan
from captcha_core.solving.reading import Reading
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


def _plan(images: Path, **changes: object) -> ReadingPlan:
    fields = {
        "source": find_source(str(images)),
        "digest": "c",
        "batch": 2,
        "out": str(images.parent / "r.csv"),
        "started_at": time.time(),
    }
    return ReadingPlan(**(fields | changes))  # type: ignore[arg-type]


def _finish(reading: Reading, text: str, error: str = "") -> None:
    """Do what the workers do, with `text` for each image that is to be read."""
    for unit in reading.batches():
        rows = [
            entry.row
            or Row(
                path=entry.path, text="" if error else text, confidence=None if error else 1.0, error=error
            )
            for entry in reading.entries(unit)
        ]
        reading.write_rows(unit, rows)
    reading.write_table(reading.all_rows({}), rejected=False, complete=not error)
    reading.remove()


def _texts(images: Path) -> list[tuple[str, str]]:
    return [(row.path, row.text) for row in read_table(str(images.parent / "r.csv"))]


def test_only_new_images_are_read_and_the_table_is_in_order(images: Path) -> None:
    _finish(Reading.start(_plan(images)), "OLD")
    for name in ("a.png", "c.png"):
        (images / name).write_bytes(b"")
    _finish(Reading.start(_plan(images)), "NEW")
    assert _texts(images) == [("a.png", "NEW"), ("b.png", "OLD"), ("c.png", "NEW"), ("d.png", "OLD")]


def test_an_image_that_changed_since_is_read_again(images: Path) -> None:
    _finish(Reading.start(_plan(images)), "OLD")
    os.utime(images / "d.png", (3000, 3000))
    _finish(Reading.start(_plan(images)), "NEW")
    assert _texts(images) == [("b.png", "OLD"), ("d.png", "NEW")]


def test_an_older_image_that_takes_anothers_place_is_read(images: Path) -> None:
    older = images.parent / "older.png"
    older.write_bytes(b"older")
    os.utime(older, (500, 500))
    _finish(Reading.start(_plan(images)), "OLD")
    older.replace(images / "b.png")
    assert (images / "b.png").stat().st_mtime == 500
    _finish(Reading.start(_plan(images)), "NEW")
    assert _texts(images) == [("b.png", "NEW"), ("d.png", "OLD")]


def test_an_image_that_could_not_be_read_is_tried_again(images: Path) -> None:
    _finish(Reading.start(_plan(images)), "", error="not read: its worker was lost")
    _finish(Reading.start(_plan(images)), "NEW")
    assert _texts(images) == [("b.png", "NEW"), ("d.png", "NEW")]


def test_rows_of_images_that_are_gone_stay_at_the_end(images: Path) -> None:
    _finish(Reading.start(_plan(images)), "OLD")
    (images / "b.png").unlink()
    (images / "e.png").write_bytes(b"")
    _finish(Reading.start(_plan(images)), "NEW")
    assert _texts(images) == [("d.png", "OLD"), ("e.png", "NEW"), ("b.png", "OLD")]


def test_overwriting_keeps_nothing(images: Path) -> None:
    _finish(Reading.start(_plan(images)), "OLD")
    _finish(Reading.start(_plan(images), overwrite=True), "NEW")
    assert _texts(images) == [("b.png", "NEW"), ("d.png", "NEW")]


def test_overwriting_drops_a_unfinished_reading_that_keeps_rows(images: Path) -> None:
    _finish(Reading.start(_plan(images)), "OLD")
    unfinished = Reading.start(_plan(images))
    assert next(unfinished.batches()) == 0
    _finish(Reading.start(_plan(images), overwrite=True), "NEW")
    assert _texts(images) == [("b.png", "NEW"), ("d.png", "NEW")]


def test_a_unfinished_reading_goes_on_in_each_way_of_asking(images: Path) -> None:
    unfinished = Reading.start(_plan(images, batch=1))
    assert next(unfinished.batches()) == 0
    unfinished.write_rows(0, [Row(path="b.png", text="FIRST", confidence=1.0)])
    for overwrite in (False, True):
        assert Reading.start(_plan(images), overwrite=overwrite).done(0)
    assert list(unfinished.batches()) == [0, 1]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"digest": "d"}, "another network"),
        ({"decoding": Decoding(lengths=(5, 5))}, "without any decoding option"),
        ({"characters": True}, "characters"),
    ],
)
def test_a_table_of_another_reading_is_refused(images: Path, changes: dict[str, object], word: str) -> None:
    _finish(Reading.start(_plan(images)), "OLD")
    with pytest.raises(OutputExistsError, match=word):
        Reading.start(_plan(images, **changes))
    assert not Path(f"{images.parent}/r.csv.parts").exists()


def test_a_table_read_with_known_lengths_goes_on_with_these_alone(images: Path) -> None:
    held = {"decoding": Decoding(lengths=(4, 5), beam=8)}
    _finish(Reading.start(_plan(images, **held)), "OLD")
    with pytest.raises(OutputExistsError, match="with length 4-5 and beam 8"):
        Reading.start(_plan(images))
    (images / "c.png").write_bytes(b"")
    _finish(Reading.start(_plan(images, **held)), "NEW")
    assert _texts(images) == [("b.png", "OLD"), ("c.png", "NEW"), ("d.png", "OLD")]


@pytest.mark.parametrize(
    ("decoding", "words"),
    [
        (Decoding(charset="01"), "with charset 01"),
        (Decoding(charset="01", ignore_case=True), "with charset 01 and case ignored"),
    ],
)
def test_a_table_of_a_charset_is_of_that_charset_alone(images: Path, decoding: Decoding, words: str) -> None:
    _finish(Reading.start(_plan(images, decoding=decoding)), "OLD")
    for other in (Decoding(), Decoding(charset="10"), Decoding(ignore_case=True)):
        with pytest.raises(OutputExistsError, match=words):
            Reading.start(_plan(images, decoding=other))


def test_a_table_of_other_images_is_refused(images: Path) -> None:
    _finish(Reading.start(_plan(images)), "OLD")
    (images.parent / "other").mkdir()
    with pytest.raises(OutputExistsError, match="of the images of"):
        Reading.start(_plan(images, source=find_source(str(images.parent / "other"))))


def test_a_file_that_is_no_table_is_never_replaced(images: Path) -> None:
    (images.parent / "r.csv").write_text("precious")
    for overwrite in (False, True):
        with pytest.raises(ForeignOutputError, match="no table that capq made"):
            Reading.start(_plan(images), overwrite=overwrite)
    assert (images.parent / "r.csv").read_text() == "precious"


def test_a_table_of_which_nothing_is_known_is_replaced_when_asked_for(images: Path) -> None:
    _finish(Reading.start(_plan(images)), "OLD")
    (images.parent / ".r.csv.capq").unlink()
    with pytest.raises(OutputExistsError, match="nothing tells"):
        Reading.start(_plan(images))
    _finish(Reading.start(_plan(images), overwrite=True), "NEW")
    assert _texts(images) == [("b.png", "NEW"), ("d.png", "NEW")]


def test_a_folder_is_never_replaced_by_a_table(images: Path) -> None:
    with pytest.raises(ForeignOutputError, match="is a folder"):
        Reading.start(_plan(images, out=str(images)), overwrite=True)


def test_a_wider_look_at_the_same_folder_keeps_its_rows(images: Path) -> None:
    _finish(Reading.start(_plan(images)), "OLD")
    (images / "sub").mkdir()
    (images / "sub" / "x.png").write_bytes(b"")
    _finish(Reading.start(_plan(images, source=find_source(str(images), recursive=True))), "NEW")
    assert _texts(images) == [("b.png", "OLD"), ("d.png", "OLD"), ("sub/x.png", "NEW")]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("content", ["my notes", "name,label\na.png,AB12\n"])
def test_a_file_put_in_a_tables_place_stays(images: Path, content: str, overwrite: bool) -> None:
    _finish(Reading.start(_plan(images)), "OLD")
    (images.parent / "r.csv").write_text(content)
    with pytest.raises(ForeignOutputError, match=r"r\.csv is no table"):
        Reading.start(_plan(images), overwrite=overwrite)
    assert (images.parent / "r.csv").read_text() == content


def test_a_file_that_comes_while_images_are_read_stays(images: Path) -> None:
    reading = Reading.start(_plan(images))
    (images.parent / "r.csv").write_text("my notes")
    with pytest.raises(ForeignOutputError, match=r"r\.csv is no table"):
        _finish(reading, "NEW")
    assert (images.parent / "r.csv").read_text() == "my notes"
