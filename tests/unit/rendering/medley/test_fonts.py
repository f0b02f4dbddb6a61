"""Which fonts are drawn from, and how a spec names them."""

import shutil
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from captcha_core.datasets import Plan
from captcha_core.errors import SpecError
from captcha_core.rendering import open_renderer, pinned
from captcha_core.rendering.medley import font_check, font_files, font_index
from captcha_core.spec import fonts, load
from captcha_core.spec.medley import FontFile

from .conftest import DROID

ALNUM = string.digits + string.ascii_letters


def changed(target: Path, change: Callable[[dict[int, str]], dict[int, str]]) -> Path:
    """Save the built-in font with other glyphs for its characters."""
    font = TTFont(DROID)
    for table in font["cmap"].tables:
        if table.isUnicode() and table.format != 14:
            table.cmap = change(table.cmap)
    font.save(target)
    return target


def shuffled(glyphs: dict[int, str]) -> dict[int, str]:
    codes = [ord(c) for c in ALNUM]
    return glyphs | {code: glyphs[codes[(i + 23) % 62]] for i, code in enumerate(codes)}


def without_seven(glyphs: dict[int, str]) -> dict[int, str]:
    return {code: name for code, name in glyphs.items() if code != ord("7")}


def blank_seven(glyphs: dict[int, str]) -> dict[int, str]:
    return glyphs | {ord("7"): glyphs[ord(" ")]}


def capitals_alone(glyphs: dict[int, str]) -> dict[int, str]:
    return glyphs | {ord(c): glyphs[ord(c.upper())] for c in string.ascii_lowercase}


def test_a_usual_font_can_be_read() -> None:
    assert font_check.readable(Path(DROID), ALNUM)


@pytest.mark.parametrize("change", [shuffled, without_seven, blank_seven, capitals_alone])
def test_fonts_that_show_something_else_are_left_out(
    tmp_path: Path, change: Callable[[dict[int, str]], dict[int, str]]
) -> None:
    assert not font_check.readable(changed(tmp_path / "font.ttf", change), ALNUM)


def test_a_font_of_capitals_will_do_for_capitals(tmp_path: Path) -> None:
    font = changed(tmp_path / "font.ttf", capitals_alone)
    assert font_check.readable(font, string.digits + string.ascii_uppercase)


def test_a_file_that_is_no_font_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "font.ttf"
    path.write_bytes(b"none")
    assert not font_check.readable(path, ALNUM)


def test_a_bare_machine_has_the_fonts_of_packages(bare_machine: Path) -> None:
    names = {font.name for font in font_index.usable(ALNUM)}
    assert "DroidSansMono.ttf" in names
    assert {path.name for path in font_files.font_files()} >= names


def test_readable_fonts_of_the_machine_are_named_with_digests(bare_machine: Path) -> None:
    shutil.copy(DROID, bare_machine / "copy.ttf")
    odd = changed(bare_machine / "odd.ttf", shuffled)
    other = changed(bare_machine / "other.ttf", lambda glyphs: glyphs | {0x2603: glyphs[ord("a")]})
    spec = pinned(load("medley"))
    assert spec.medley is not None
    assert spec.medley.fonts is not None
    digests = [font.sha256 for font in spec.medley.fonts]
    assert digests.count(fonts.sha256(DROID)) == 1, "the same file is drawn from once"
    assert FontFile.model_validate(str(other)).sha256 in digests
    assert FontFile.model_validate(str(odd)).sha256 not in digests
    assert all("/" not in font.name for font in spec.medley.fonts)
    assert pinned(spec) is spec


def test_notes_make_the_second_time_quick_and_follow_changes(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = font_index.usable(ALNUM)
    checked: list[Path] = []
    readable = font_check.readable
    monkeypatch.setattr(
        font_check, "readable", lambda path, charset: checked.append(path) or readable(path, charset)
    )
    assert font_index.usable(ALNUM) == first
    assert checked == []
    added = changed(bare_machine / "new.ttf", lambda glyphs: glyphs | {0x2603: glyphs[ord("a")]})
    assert len(font_index.usable(ALNUM)) == len(first) + 1
    assert checked == [added]


def test_a_font_is_found_wherever_it_lies(bare_machine: Path, tmp_path: Path) -> None:
    other = changed(tmp_path / "mine.ttf", lambda glyphs: glyphs | {0x2603: glyphs[ord("a")]})
    by_path = FontFile.model_validate(str(other))
    spec = load("medley").replaced(medley={"fonts": [{"name": "mine.ttf", "sha256": by_path.sha256}]})
    with pytest.raises(SpecError, match="is in no font folder"):
        open_renderer(spec)
    font_files._by_name.cache_clear()
    (bare_machine / "deep").mkdir()
    other.rename(bare_machine / "deep" / "mine.ttf")
    open_renderer(spec).batch(0, 0, 0, 1)


def test_a_charset_that_no_font_has_is_refused(bare_machine: Path) -> None:
    with pytest.raises(SpecError, match="no font on this machine has all characters"):
        pinned(load("medley").replaced(charset="漢字"))


def test_a_dataset_names_its_fonts(bare_machine: Path) -> None:
    plan = Plan(spec=load("medley"), shards=1)
    assert plan.spec.medley is not None
    assert plan.spec.medley.fonts
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
