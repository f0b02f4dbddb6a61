import csv
import json
from pathlib import Path

import pyarrow.parquet
import pytest

from captcha_core.errors import DatasetError
from captcha_core.results import COLUMNS, Row, check_format, open_table

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
    with pytest.raises(DatasetError, match=r"\.csv, \.jsonl, \.parquet"):
        check_format(name)
