"""Tables beside a checkpoint: replaced only where they are ours, and only when asked to."""

from pathlib import Path

import pytest

from captcha_core.errors import ForeignOutputError, OutputExistsError
from captcha_core.training.side_tables import SUSPECTS, UNLABELLED, SideTable

_ROW = ("a.png", "AB", "A8", 0.9, "out of fold")


def _table(folder: Path, *rows: tuple[object, ...]) -> SideTable:
    return SideTable.beside(str(folder / "ours"), SUSPECTS, rows)


def test_a_table_stands_beside_its_checkpoint(tmp_path: Path) -> None:
    _table(tmp_path, _ROW).publish(overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["ours.suspects.csv"]
    lines = (tmp_path / "ours.suspects.csv").read_text().splitlines()
    assert lines == ["path,label,text,confidence,reason", "a.png,AB,A8,0.9,out of fold"]


def test_names_that_are_no_utf8_are_escaped(tmp_path: Path) -> None:
    _table(tmp_path, ("\udcff.png", *_ROW[1:])).publish(overwrite=False)
    assert "\\udcff.png" in (tmp_path / "ours.suspects.csv").read_text(encoding="utf-8")


def test_nothing_is_written_without_rows_and_an_older_one_goes(tmp_path: Path) -> None:
    _table(tmp_path).publish(overwrite=False)
    assert not list(tmp_path.iterdir())
    _table(tmp_path, _ROW).publish(overwrite=False)
    with pytest.raises(OutputExistsError):
        _table(tmp_path).publish(overwrite=False)
    _table(tmp_path).publish(overwrite=True)
    assert not list(tmp_path.iterdir())


def test_an_older_one_is_replaced_only_when_asked_to(tmp_path: Path) -> None:
    table = _table(tmp_path, _ROW)
    table.publish(overwrite=False)
    table.publish(overwrite=False)  # a finish that is done twice
    other = _table(tmp_path, ("b.png", *_ROW[1:]))
    with pytest.raises(OutputExistsError, match="is there already"):
        other.publish(overwrite=False)
    assert table.path.read_bytes() == table.data
    other.publish(overwrite=True)
    assert table.path.read_bytes() == other.data


@pytest.mark.parametrize("kind", ["table of another", "notes", "folder", "link", "broken link"])
def test_what_is_not_ours_is_never_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "ours.suspects.csv"
    match kind:
        case "table of another":
            SideTable(path, UNLABELLED, ",".join(UNLABELLED).encode() + b"\nx\n").publish(overwrite=False)
        case "notes":
            path.write_text("path,label,text,confidence,reason and more\n")
        case "folder":
            path.mkdir()
        case "link":
            (tmp_path / "real.csv").write_text("path,label,text,confidence,reason\n")
            path.symlink_to(tmp_path / "real.csv")
        case "broken link":
            path.symlink_to(tmp_path / "gone")
    for table in (_table(tmp_path, _ROW), _table(tmp_path)):
        with pytest.raises(ForeignOutputError):
            table.publish(overwrite=True)
    assert path.is_symlink() or path.exists()
