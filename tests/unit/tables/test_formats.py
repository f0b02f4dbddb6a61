import csv
import json
import os
from pathlib import Path

import pyarrow.parquet
import pytest

from captcha_core.errors import TableError, UnreadableTableError
from captcha_core.tables import Row
from captcha_core.tables.formats import check_format, extend_table, open_table, read_table
from captcha_core.tables.row import COLUMNS

ROWS = [
    Row(path="a.png", text="AB12", confidence=0.75),
    Row(path='odd, "name"\n.png', text="Ü,1", confidence=0.5),
    Row(path="broken.png", error="damaged image: cut short"),
]


def _write(path: Path) -> Path:
    with open_table(str(path)) as table:
        table.write(ROWS[:2])
        table.write(ROWS[2:])
    return path


def test_csv(tmp_path: Path) -> None:
    with _write(tmp_path / "r.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.reader(file))
    assert found == [
        list(COLUMNS),
        ["a.png", "AB12", "0.750000", ""],
        ['odd, "name"\n.png', "Ü,1", "0.500000", ""],
        ["broken.png", "", "", "damaged image: cut short"],
    ]


def test_json_lines(tmp_path: Path) -> None:
    lines = _write(tmp_path / "r.jsonl").read_text(encoding="utf-8").splitlines()
    assert [Row(**json.loads(line)) for line in lines] == ROWS


def test_parquet(tmp_path: Path) -> None:
    table = pyarrow.parquet.read_table(_write(tmp_path / "r.parquet"))
    assert table.column_names == list(COLUMNS)
    assert [Row(**row) for row in table.to_pylist()] == ROWS


def test_a_url_works_like_a_path(tmp_path: Path) -> None:
    with open_table(f"memory://{tmp_path.name}/r.jsonl") as table:
        table.write(ROWS)
    import fsspec

    with fsspec.open(f"memory://{tmp_path.name}/r.jsonl", "rt") as file:
        assert len(file.readlines()) == 3


def test_a_table_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    path = _write(tmp_path / "r.csv")
    before = path.read_bytes()
    with pytest.raises(RuntimeError), open_table(str(path)) as table:
        table.write(ROWS[:1])
        raise RuntimeError
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["r.csv"]


@pytest.mark.parametrize("name", ["r.xlsx", "r", ".csv"])
def test_an_unknown_ending_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(TableError, match=r"\.csv, \.jsonl, \.parquet"):
        check_format(name)


FULL = [
    Row(path="a.png", text="AB", confidence=0.5, characters=(0.75, 0.5), rejected=True, label="AC"),
    Row(path="b.png", text="007", confidence=1.0, characters=(1.0, 1.0, 1.0), rejected=False),
    Row(path="broken.png", error="damaged image", rejected=True, label=""),
]
COLUMNS_FULL = (*COLUMNS, "characters", "rejected", "label")


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl", "r.parquet"])
def test_a_table_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    url = str(tmp_path / name)
    with open_table(url, COLUMNS_FULL) as table:
        table.write(FULL)
    # A CSV knows no difference between an empty label and none.
    expected = [row._replace(label=row.label or None) if name == "r.csv" else row for row in FULL]
    assert list(read_table(url)) == expected


def test_the_columns_on_request_in_a_csv(tmp_path: Path) -> None:
    with open_table(str(tmp_path / "r.csv"), COLUMNS_FULL) as table:
        table.write(FULL[:1])
    assert (tmp_path / "r.csv").read_text().splitlines() == [
        "path,text,confidence,error,characters,rejected,label",
        "a.png,AB,0.500000,,0.750000 0.500000,true,AC",
    ]


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl", "r.parquet"])
def test_a_name_that_is_no_utf8_leaves_a_table_that_is(tmp_path: Path, name: str) -> None:
    with open_table(str(tmp_path / name)) as table:
        table.write([Row(path="odd\udcff.png", text="A", confidence=1.0)])
    # An escape of JSON gives the name back; elsewhere it is spelt out.
    expected = "odd\udcff.png" if name == "r.jsonl" else "odd\\udcff.png"
    if name != "r.parquet":  # a file of bytes, whose reader checks its texts
        assert (tmp_path / name).read_text("utf-8").endswith("\n")
    assert [row.path for row in read_table(str(tmp_path / name))] == [expected]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.csv", b"precious"),
        ("r.csv", b"path,text,confidence,error,more\n"),
        ("r.jsonl", b'{"path": "a"}\n'),
        ("r.csv", b"path,text,confidence,error\n" + b"a" * 200_000 + b",A,1,\n"),
        ("r.jsonl", b"\xff\n"),
        ("r.jsonl", b'["path", "text", "confidence", "error"]\n'),
        ("r.jsonl", b"[" * 100_000),
        ("r.parquet", b"nonsense"),
    ],
)
def test_what_is_no_table_of_ours_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableTableError, match="no table of results"):
        list(read_table(str(tmp_path / name)))


@pytest.mark.parametrize("row", [b"a.png,A", b"a.png,A,0.9,,,"])
def test_a_row_of_a_csv_that_was_cut_or_changed_is_named(tmp_path: Path, row: bytes) -> None:
    (tmp_path / "r.csv").write_bytes(b"path,text,confidence,error\nb.png,B,0.9,\n" + row)
    with pytest.raises(UnreadableTableError, match="line 3 has another number of columns"):
        list(read_table(str(tmp_path / "r.csv")))


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl"])
def test_rows_are_added_behind_what_was_whole(tmp_path: Path, name: str) -> None:
    url = str(tmp_path / name)
    with extend_table(url, 0) as table:
        table.write(ROWS[:1])
    size = (tmp_path / name).stat().st_size
    with (tmp_path / name).open("ab") as file:
        file.write(b"half a ro")
    with extend_table(url, size) as table:
        table.write(ROWS[1:])
    assert list(read_table(url)) == ROWS


def test_a_format_that_takes_no_rows_later_is_refused() -> None:
    check_format("r.parquet")
    for url in ("r.parquet", "s3://bucket/r.csv"):
        with pytest.raises(TableError, match=r"\.jsonl"):
            check_format(url, appends=True)


def test_a_part_keeps_all_of_a_row() -> None:
    row = FULL[0]._replace(path="odd\udcff.png", resized=True)
    assert Row.from_json(row.to_json()) == row


def test_what_a_killed_writer_left_is_cleared_an_hour_later(tmp_path: Path) -> None:
    stale, fresh = tmp_path / ".r.csv.1-0123abcd.tmp", tmp_path / ".r.csv.2-4567cdef.tmp"
    for path in (stale, fresh):
        path.write_text("half")
    os.utime(stale, (1000, 1000))
    _write(tmp_path / "r.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == [fresh.name, "r.csv"]
