"""Labelled images as people have them, through the commands."""

import io
import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.conftest import Capq

TEXTS = [f"{number * 7919 % 9000 + 1000}" for number in range(24)]
SMALL = ("--init", "none", "--max-images", 64)


def _image(number: int) -> bytes:
    image = Image.new("RGB", (60, 32), (255 - number, 240, 200))
    ImageDraw.Draw(image).text((4, 8), TEXTS[number], "black")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Twenty-four images, and a table in UTF-16 with semicolons that names them."""
    folder = tmp_path / "own"
    folder.mkdir()
    rows = ["Filename;Words"]
    for number, text in enumerate(TEXTS):
        (folder / f"{number}.png").write_bytes(_image(number))
        rows.append(f"{number}.png;{text}")
    (folder / "labels.csv").write_text("\r\n".join(rows), encoding="utf-16")
    return folder


def test_training_says_how_labels_were_found_and_goes_on_without_what_cannot_be_read(
    embedded: Capq, own: Path, tmp_path: Path
) -> None:
    for number in (3, 7, 20):
        (own / f"{number}.png").write_bytes(_image(number)[:90])
    (own / "._1.png").write_bytes(b"\0\5\x16\7")
    (own / "folder.png").mkdir()
    run = embedded("train", own, *SMALL, "--out", tmp_path / "model", "--json")
    job = json.loads(run.stdout)
    labels = job["summary"]["labels"]
    assert labels["rule"] == "labels.csv (columns Filename and Words, divided by semicolons)"
    assert labels["images"] == 24
    assert labels["pairs"][0] == ["0.png", TEXTS[0]]
    assert labels["left_out"] == {"a hidden file": {"count": 1, "first": ["._1.png"]}}
    assert labels["notes"] == ["labels.csv is read as UTF-16"]
    assert any("3 images cannot be read" in sentence for sentence in labels["findings"])
    assert job["summary"]["left_out"]["count"] == 3
    assert list(job["summary"]["left_out"]["first"]) == ["3.png", "7.png", "20.png"]
    assert f"0.png = {TEXTS[0]}" in run.stderr
    assert "- 3 images cannot be read: 3.png, 7.png, 20.png" in run.stderr
    again = embedded("evaluate", own, "--checkpoint", tmp_path / "model", "--json")
    figures = json.loads(again.stdout)["summary"]
    assert (figures["images"], figures["unreadable"]) == (24, 3)
    assert figures["labels"]["rule"] == labels["rule"]


def test_a_divided_set_is_trained_on_one_part_and_evaluated_on_the_other(
    embedded: Capq, tmp_path: Path
) -> None:
    for number, text in enumerate(TEXTS):
        path = tmp_path / "set" / ("train" if number < 18 else "test") / f"{text}_{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_image(number))
    run = embedded("train", tmp_path / "set", *SMALL, "--out", tmp_path / "model")
    assert "the set is divided: 6 for test, 18 for train; those for train are used" in run.stderr
    summary = embedded.json("evaluate", tmp_path / "set", "--checkpoint", tmp_path / "model")["summary"]
    assert summary["images"] == 6


def test_a_pattern_goes_along_to_the_workers(embedded: Capq, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for number, text in enumerate(TEXTS):
        (tmp_path / "set" / f"captcha{number:04d}x{text}.png").write_bytes(_image(number))
    refusal = embedded("train", tmp_path / "set", *SMALL, "--out", tmp_path / "model", code=2).stderr
    assert "--label-pattern '(?P<label>" in refusal
    assert not (tmp_path / "model").exists()
    pattern = ("--label-pattern", r"x(?P<label>\d+)")
    summary = embedded.json("train", tmp_path / "set", *SMALL, *pattern, "--out", tmp_path / "model")[
        "summary"
    ]
    assert summary["labels"]["pairs"][0][1] == TEXTS[0]
    evaluated = embedded.json("evaluate", tmp_path / "set", *pattern, "--checkpoint", tmp_path / "model")
    assert evaluated["summary"]["images"] == 24
    sheet = tmp_path / "sheet.png"
    assert "by the pattern" in embedded("preview", tmp_path / "set", *pattern, "--out", sheet).stderr


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["AB CD"] * 24, "24 of 24 labels cannot be learnt"),
        (["A" * 40] * 24, "a label of more than 32 characters"),
        (
            ["".join(chr(0x4E00 + 32 * row + column) for column in range(32)) for row in range(34)],
            "1,088 different characters",
        ),
    ],
)
def test_labels_that_no_network_can_have_are_one_line(
    capq: Capq, tmp_path: Path, labels: list[str], words: str
) -> None:
    (tmp_path / "set").mkdir()
    rows = ["file_name,text"]
    for number, text in enumerate(labels):
        (tmp_path / "set" / f"{number}.png").write_bytes(_image(number % 24))
        rows.append(f"{number}.png,{text}")
    (tmp_path / "set" / "labels.csv").write_text("\n".join(rows))
    result = capq("train", tmp_path / "set", "--out", tmp_path / "model", code=2)
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert words in result.stderr


def test_inspect_tells_in_text_json_and_a_page(capq: Capq, own: Path, tmp_path: Path) -> None:
    (own / "5.png").write_bytes(b"nothing")
    (own / "6.png").write_bytes(_image(4))
    page = tmp_path / "page.html"
    text = capq("inspect", own, "--page", page)
    assert "- 1 image cannot be read: 5.png" in text.stdout
    assert "1 group of identical images, of which 1 with different labels: 4.png" in text.stdout
    assert re.search("^case +no letters$", text.stdout, re.MULTILINE)
    assert "columns Filename and Words" in text.stderr
    assert page.read_text().count("data:image/png") >= 23
    summary = capq.json("inspect", own)
    assert summary["looked_at"] == 24
    assert summary["unreadable"]["count"] == 1
    assert summary["identical"]["different_labels"] == 1
    assert any("cannot be read" in sentence for sentence in summary["findings"])


def test_the_page_replaces_only_a_page(capq: Capq, own: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    capq("inspect", own, "--page", page)
    capq("inspect", own, "--page", page)  # of the same folder: brought up to date
    other = tmp_path / "other"
    shutil.copytree(own, other)
    assert "add --overwrite" in capq("inspect", other, "--page", page, code=2).stderr
    capq("inspect", other, "--page", page, "--overwrite")
    mine = page.read_bytes().replace(b"</html>", b"mine</html>")  # a page of capq that a person changed
    page.write_bytes(mine)
    refusal = capq("inspect", other, "--page", page, "--overwrite", code=2).stderr
    assert "is not an inspection as capq wrote it: give another --page" in refusal
    assert page.read_bytes() == mine
    assert "lies in the input" in capq("inspect", own, "--page", own / "page.html", code=2).stderr
    assert not (own / "page.html").exists()
    assert "no such folder" in capq("inspect", tmp_path / "nowhere", code=2).stderr
