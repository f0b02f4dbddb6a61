"""The same twelve images in the layouts that people keep them in: read right, or refused with a reason."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from captcha_core.datasets import LabelledFolder, LabelOptions
from captcha_core.errors import InputError, LabelError, StorageError
from captcha_core.inspection import inspect_labelled

TEXTS = ["K9P3", "X7PQ", "2MZ8", "AB12", "9QQ9", "H4TW", "M4ND", "7XK3", "PPLE", "0O0O", "ZZ8B", "R2D2"]
NUMBERS = ["483920", "771204", "000912", "555001", "923847", "102938", "475869", "918273", "340098", "660012"]
NUMBERS += ["819204", "273645"]


def _image(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), (number * 20, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def _named(folder: Path, name: Callable[[int, str], str], texts: list[str] = TEXTS) -> None:
    for number, text in enumerate(texts):
        path = folder / name(number, text)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_image(number))


def _numbered(folder: Path, below: str = "") -> None:
    _named(folder, lambda number, _: f"{below}{number + 1}.png")


def _lines(line: str, head: str = "", texts: list[str] = TEXTS) -> str:
    return head + "".join(line.format(n=f"{i}.png", i=i, t=t) for i, t in enumerate(texts, start=1))


def _table(name: str, content: str | bytes, below: str = "") -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        _numbered(folder, below)
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)

    return write


def _accented(folder: Path) -> None:
    """Names as macOS keeps them, with accents apart, and a table that has them in one."""
    _named(folder, lambda number, _: f"e\u0301te\u0301{number + 1}.png")
    (folder / "labels.csv").write_text(_lines("\u00e9t\u00e9{n},{t}\n", "file_name,text\n"))


def _records(**fields: str) -> list[dict[str, str]]:
    return [
        {key: value.format(n=f"{number}.png", t=text) for key, value in fields.items()}
        for number, text in enumerate(TEXTS, start=1)
    ]


def _beside(suffix: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        _numbered(folder)
        for number, text in enumerate(TEXTS, start=1):
            (folder / f"{number}{suffix}").write_text(f"{text}\n")

    return write


def _tar(extension: str, label: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for shard in range(2):
            with tarfile.open(folder / f"shard-{shard:06d}.tar", "w") as archive:
                for number, text in list(enumerate(TEXTS))[shard * 6 : shard * 6 + 6]:
                    for name, data in (
                        (f"{number:03d}{extension}", _image(number)),
                        (f"{number:03d}{label}", text.encode()),
                    ):
                        member = tarfile.TarInfo(name)
                        member.size = len(data)
                        archive.addfile(member, io.BytesIO(data))

    return write


def _split_tables(folder: Path) -> None:
    for part, numbers in (("train", range(8)), ("test", range(8, 12))):
        rows = ["file_name,text"]
        for number in numbers:
            path = folder / part / f"{number:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_image(number))
            rows.append(f"{number:04d}.png,{TEXTS[number]}")
        (folder / part / "metadata.csv").write_text("\n".join(rows))


def _paddle(folder: Path) -> None:
    _numbered(folder, "images/")
    for part, numbers in (("train", range(8)), ("test", range(8, 12))):
        lines = (f"train_data/rec/images/{number + 1}.png\t{TEXTS[number]}\n" for number in numbers)
        (folder / f"rec_gt_{part}.txt").write_text("".join(lines))


def _generated_without_index(folder: Path) -> None:
    _numbered(folder)
    (folder / "labels.txt").write_text("\n".join(TEXTS))
    (folder / "metadata.csv").write_text(_lines("{n},{t}\n", "file_name,text\n"))


def _contradictory(folder: Path) -> None:
    _generated_without_index(folder)
    (folder / "labels.csv").write_text(_lines("{n},x{t}\n", "file_name,text\n"))


def _label_studio(folder: Path) -> None:
    _numbered(folder)
    tasks = [
        {
            "id": number,
            "data": {"ocr": f"/data/upload/1/{number:08x}-{number}.png"},
            "annotations": [{"result": [{"from_name": "t", "value": {"text": [text]}, "type": "textarea"}]}],
        }
        for number, text in enumerate(TEXTS, start=1)
    ]
    (folder / "project-1-at-2026.json").write_text(json.dumps(tasks))


def _via(folder: Path) -> None:
    _numbered(folder)
    images = {
        f"{record['filename']}123": record | {"size": 123, "regions": []}
        for record in (
            {"filename": f"{number}.png", "file_attributes": {"text": text}}
            for number, text in enumerate(TEXTS, start=1)
        )
    }
    (folder / "via_project.json").write_text(json.dumps({"_via_img_metadata": images}))


def _coco(folder: Path) -> None:
    _numbered(folder)
    images = [{"id": number, "file_name": f"{number}.png"} for number in range(1, 13)]
    annotations = [{"image_id": number, "caption": text} for number, text in enumerate(TEXTS, start=1)]
    (folder / "captions.json").write_text(json.dumps({"images": images, "annotations": annotations}))


def _mmocr(folder: Path) -> None:
    _numbered(folder)
    items = [{"img_path": f"{i}.png", "instances": [{"text": text}]} for i, text in enumerate(TEXTS, start=1)]
    (folder / "textrecog_train.json").write_text(json.dumps({"metainfo": {}, "data_list": items}))


def _cvat(folder: Path) -> None:
    _numbered(folder)
    images = _lines(
        '<image id="{i}" name="{n}"><tag label="c"><attribute name="text">{t}</attribute></tag></image>'
    )
    (folder / "annotations.xml").write_text(f"<annotations><version>1.1</version>{images}</annotations>")


JSON_PAIRS = {f"{number}.png": text for number, text in enumerate(TEXTS, start=1)}
JSON_LINES = "".join(f"{json.dumps(record)}\n" for record in _records(file_name="{n}", text="{t}"))
RESULTS = _lines("{n},{t},0.999,\n", "path,text,confidence,error\n")
LABELLED_RESULTS = _lines("{n},????,0.999,,{t}\n", "path,text,confidence,error,label\n")
STUDIO_CSV = _lines(
    "/data/upload/1/1234abcd-{n},{i},{t},1,{i},2026,2026,3.2\n",
    "image,id,transcription,annotator,annotation_id,created_at,updated_at,lead_time\n",
)

READ: dict[str, Callable[[Path], None]] = {
    "labels in names": lambda folder: _named(folder, lambda i, t: f"{t}_{i}.png"),
    "labels in names, alone": lambda folder: _named(folder, lambda i, t: f"{t}.png"),
    "labels in names, hyphen": lambda folder: _named(folder, lambda i, t: f"{t}-{i:04d}.png"),
    "labels after a number": lambda folder: _named(folder, lambda i, t: f"{i:05d}_{t}.png"),
    "labels after a word": lambda folder: _named(folder, lambda i, t: f"captcha_{t}.png"),
    "labels in names, images below": lambda folder: _named(folder, lambda i, t: f"images/{t}_{i}.png"),
    "labels in names, train and test": lambda folder: _named(
        folder, lambda i, t: f"{'train' if i < 8 else 'test'}/{t}_{i}.png"
    ),
    "a folder a label": lambda folder: _named(folder, lambda i, t: f"{t}/{i}.png"),
    "labels.txt, a label a line": _table("labels.txt", "\r\n".join(TEXTS)),
    "labels.txt with a byte order mark": _table("labels.txt", "\n".join(TEXTS).encode("utf-8-sig")),
    "labels.txt in UTF-16": _table("labels.txt", "\r\n".join(TEXTS).encode("utf-16")),
    "labels.txt, tabs": _table("labels.txt", _lines("{n}\t{t}\n")),
    "labels.txt, commas": _table("labels.txt", _lines("{n},{t}\n")),
    "labels.txt, blanks": _table("labels.txt", _lines("{n} {t}\n")),
    "labels.txt of ICDAR": _table("gt.txt", _lines('{n}, "{t}"\n')),
    "labels.txt, label first": _table("labels.txt", _lines("{t}\t{n}\n")),
    "PaddleOCR": _paddle,
    "metadata.csv": _table("metadata.csv", _lines("{n},{t}\n", "file_name,text\n")),
    "labels.csv without a header": _table("labels.csv", _lines("{n},{t}\n")),
    "filename,words": _table("labels.csv", _lines("{n},{t}\n", "filename,words\n")),
    "label,filename": _table("labels.csv", _lines("{t},{n}\n", "label,filename\n")),
    "unknown names of two columns": _table("labels.csv", _lines("{n},{t}\n", "nom,texte\n")),
    "Excel, byte order mark": _table(
        "l.csv", _lines("{n},{t}\r\n", "file_name,text\r\n").encode("utf-8-sig")
    ),
    "byte order mark without a header": _table("l.csv", _lines("{n},{t}\r\n").encode("utf-8-sig")),
    "Excel, semicolons": _table("labels.csv", _lines("{n};{t}\n", "file_name;text\n")),
    "tabs in .csv": _table("labels.csv", _lines("{n}\t{t}\n", "file_name\ttext\n")),
    ".tsv": _table("labels.tsv", _lines("{n}\t{t}\n", "image\tlabel\n")),
    "Excel, Unicode text": _table("l.csv", _lines("{n}\t{t}\r\n", "image\tlabel\r\n").encode("utf-16")),
    "blanks after commas": _table("labels.csv", _lines("{n}, {t}\n", "file_name, text\n")),
    "blanks after commas, no header": _table("labels.csv", _lines("{n}, {t}\n")),
    "./ before names": _table("labels.csv", _lines("./{n},{t}\n", "file_name,text\n")),
    "an empty last line": _table("labels.csv", _lines("{n},{t}\n", "file_name,text\n") + "\n"),
    "images/ below": _table("metadata.csv", _lines("images/{n},{t}\n", "file_name,text\n"), "images/"),
    "images\\ below": _table("metadata.csv", _lines("images\\{n},{t}\n", "file_name,text\n"), "images/"),
    "names of images below": _table("labels.csv", _lines("{n},{t}\n", "file_name,text\n"), "images/"),
    "paths of another machine": _table("labels.csv", _lines("/home/me/set/{n},{t}\n", "image,label\n")),
    "names without extension": _table("labels.csv", _lines("{i},{t}\n", "id,label\n")),
    "results of solve-dir": _table("results.csv", RESULTS),
    "results of solve-dir with labels": _table("results.csv", LABELLED_RESULTS),
    "metadata.jsonl": _table("metadata.jsonl", JSON_LINES),
    "labels.json, an object": _table("labels.json", json.dumps(JSON_PAIRS)),
    "labels.json, records": _table("labels.json", json.dumps(_records(image="{n}", label="{t}"))),
    "labels.json, pairs": _table("labels.json", json.dumps([list(pair) for pair in JSON_PAIRS.items()])),
    "names with accents": _accented,
    "Hugging Face, splits": _split_tables,
    "a generated folder without its index": _generated_without_index,
    ".txt beside each image": _beside(".txt"),
    ".gt.txt beside each image": _beside(".gt.txt"),
    "plain WebDataset": _tar(".png", ".txt"),
    "plain WebDataset, capitals": _tar(".PNG", ".TXT"),
    "Label Studio, JSON": _label_studio,
    "Label Studio, CSV": _table("project-1.csv", STUDIO_CSV),
    "VIA": _via,
    "COCO": _coco,
    "MMOCR": _mmocr,
    "CVAT": _cvat,
}

REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "numbers alone": (_numbered, "1, 2, 3 number the files"),
    "a word and a number": (
        lambda folder: _named(folder, lambda i, _: f"captcha_{i:04d}.png"),
        "all images would have the label 'captcha'",
    ),
    "letters and a number": (
        lambda folder: _named(folder, lambda i, _: f"captch{i}.png"),
        "captch0, captch1, captch2 number the files",
    ),
    "a camera's numbers": (
        lambda folder: _named(folder, lambda i, t: f"IMG_{t}.png", NUMBERS),
        "all images would have the label 'IMG'",
    ),
    "a word and any number": (
        lambda folder: _named(folder, lambda i, t: f"frame{t}.png", NUMBERS),
        "number the files",
    ),
    "a word before each label": (
        lambda folder: _named(folder, lambda i, t: f"captcha{t}.png"),
        "all begin or end with 'captcha'",
    ),
    "a word after each label": (
        lambda folder: _named(folder, lambda i, t: f"{t}final.png"),
        "all begin or end with 'final'",
    ),
    "numbers out of many": (
        lambda folder: _named(folder, lambda i, _: f"{(i + 1) * 373 % 10007}.png", TEXTS * 2),
        "number the files",
    ),
    "labels in one part, numbers in the other": (
        lambda folder: _named(folder, lambda i, t: f"train/{t}.png" if i < 7 else f"test/{i}.png"),
        "7, 8, 9 number the files",
    ),
    "time stamps": (
        lambda folder: _named(folder, lambda i, t: f"1700{t}123.png", NUMBERS),
        "too long for labels",
    ),
    "digests": (
        lambda folder: _named(folder, lambda i, t: f"{hashlib.md5(t.encode()).hexdigest()}.png"),
        "too long for labels",
    ),
    "two numbers": (
        lambda folder: _named(folder, lambda i, t: f"{t}_{NUMBERS[-i]}.png", NUMBERS),
        "000912_819204.png may have the label '000912' or '819204'",
    ),
    "two texts": (
        lambda folder: _named(folder, lambda i, t: f"{t}_{TEXTS[-i]}.png"),
        "may have the label",
    ),
    "labels in names and in folders": (
        lambda folder: _named(folder, lambda i, t: f"{TEXTS[-i]}/{t}.png"),
        "its folder's name",
    ),
    "a sheet": (_table("labels.xlsx", b"PK"), r"labels\.xlsx is not read: save it as \.csv"),
    "two columns of texts": (
        _table("labels.csv", _lines("{n},{t},{i}\n", "file_name,text,label\n")),
        "more than one column of texts: text, label",
    ),
    "a table of something else": (
        _table("stats.csv", "epoch,loss\n1,0.5\n2,0.4\n"),
        r"stats\.csv is not understood",
    ),
    "a table of other images": (
        _table("labels.csv", _lines("x{n},{t}\n", "file_name,text\n")),
        r"there is no image 'x1\.png', nor 11 others of 12 labels",
    ),
    "a wrong number of lines": (_table("labels.txt", "\n".join(TEXTS[:-1])), "11 labels for 12 images"),
    "an unknown encoding": (
        _table("labels.txt", "\n".join(f"é{text}" for text in TEXTS).encode("latin-1")),
        r"labels\.txt is neither UTF-8 nor UTF-16 nor GBK",
    ),
    "a row that is too long": (
        _table("labels.csv", _lines("{n},{t}\n", "file_name,text\n") + "1.png,A,B\n"),
        r"labels\.csv, line 14: has 3 columns, not 2",
    ),
    "damaged JSON": (_table("metadata.jsonl", JSON_LINES[:-5]), r"metadata\.jsonl, line 12: no JSON"),
    "JSON beside each image": (_beside(".json"), r"a \.json beside each image is not read"),
    "labels that contradict": (
        _contradictory,
        r"12 images of 12 have two different labels, as 1\.png: 'xK9P3' and 'K9P3'",
    ),
    "captions": (
        _table("captions.csv", _lines("{n},a photo of {t}\n", "file_name,text\n")),
        "12 of 12 labels cannot be learnt.* a label with blanks",
    ),
}  # fmt: skip


def _read(folder: Path) -> dict[bytes, str]:
    labelled = LabelledFolder.open(str(folder))
    assert labelled.labelling.rule
    return {sample.image: sample.text for sample in labelled}


@pytest.mark.parametrize("layout", READ)
def test_a_layout_is_read_right(tmp_path: Path, layout: str) -> None:
    READ[layout](tmp_path)
    assert _read(tmp_path) == {_image(number): text for number, text in enumerate(TEXTS)}


@pytest.mark.parametrize("layout", REFUSED)
def test_a_layout_is_refused_with_its_reason(tmp_path: Path, layout: str) -> None:
    write, reason = REFUSED[layout]
    write(tmp_path)
    with pytest.raises(LabelError, match=reason):
        LabelledFolder.open(str(tmp_path))


def test_numbers_are_labels_where_they_do_not_follow_one_another(tmp_path: Path) -> None:
    _named(tmp_path, lambda i, t: f"{t}_{i}.png", NUMBERS)
    assert _read(tmp_path) == {_image(number): text for number, text in enumerate(NUMBERS)}


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("x-{t}-{i}.png", r"x-(?P<label>\w+)-"),
        ("x-{t}-{i}.png", r"-(\w+)-"),
        ("{t}/a{i}.png", r"(?P<label>[^/]+)/a"),
        ("images/{t}{i:03d}.png", r"^(?P<label>.{{4}})".replace("{{", "{").replace("}}", "}")),
    ],
)
def test_a_pattern_says_where_the_label_is(tmp_path: Path, name: str, pattern: str) -> None:
    _named(tmp_path, lambda i, t: name.format(i=i, t=t))
    labelled = LabelledFolder.open(str(tmp_path), LabelOptions(pattern=pattern))
    assert {sample.image: sample.text for sample in labelled} == dict(
        zip(map(_image, range(12)), TEXTS, strict=True)
    )


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("(", "is no regular expression"), (r"\w+", "does not say which part"), ("(never)", "finds no label")],
)
def test_a_pattern_that_cannot_work_is_named(tmp_path: Path, pattern: str, words: str) -> None:
    _numbered(tmp_path)
    with pytest.raises(LabelError, match=words):
        LabelledFolder.open(str(tmp_path), LabelOptions(pattern=pattern))


def test_the_parts_of_a_divided_set(tmp_path: Path) -> None:
    def texts(folder: Path, **options: Any) -> set[str]:
        return {text for _, text in LabelledFolder.open(str(folder), LabelOptions(**options)).labels}

    for layout in ("Hugging Face, splits", "PaddleOCR", "labels in names, train and test"):
        READ[layout](tmp_path / layout)
        assert texts(tmp_path / layout, split="train") == set(TEXTS[:8])
        assert texts(tmp_path / layout, split="test") == set(TEXTS[8:])
        notes = LabelledFolder.open(str(tmp_path / layout), LabelOptions(split="test")).labelling.notes
        assert any("4 for test; those for test are used" in note for note in notes) or any(
            "those for test are used" in note and "8 for train" in note for note in notes
        )
    READ["metadata.csv"](tmp_path / "whole")
    assert texts(tmp_path / "whole", split="test") == set(TEXTS)


def test_what_is_left_out_is_named_with_its_reason(tmp_path: Path) -> None:
    _numbered(tmp_path)
    for number in range(20, 40):
        (tmp_path / f"{number}.png").write_bytes(_image(number % 12))
    rows = [f"{number}.png,AB{number}" for number in range(20, 40)]
    rows += ["1.png,", "2.png,A B", "3.png,ONE", "3.png,TWO", "4.png,FOUR", "gone.png,GONE"]
    (tmp_path / "labels.csv").write_text("file_name,text\n" + "\n".join(rows))
    (tmp_path / "._1.png").write_bytes(b"")
    (tmp_path / "scan.TIF").write_bytes(b"II*\0")
    (tmp_path / "link.png").symlink_to("nowhere.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "more").symlink_to(".")
    (tmp_path / "folder.png").mkdir()
    labelled = LabelledFolder.open(str(tmp_path))
    assert len(labelled) == 21
    assert labelled.labelling.left_out == {
        "a hidden file": ("._1.png",),
        "an image in a format that is not read": ("scan.TIF",),
        "not a file": ("link.png", "loop.png"),
        "a link to a folder, which is not followed": ("more",),
        "a label without an image": ("gone.png",),
        "two different labels": ("3.png",),
        "no label": ("10.png", "11.png", "12.png", "5.png", "6.png", "7.png", "8.png", "9.png", "1.png"),
        "a label with blanks": ("2.png",),
    }


def test_a_name_that_is_no_utf8_can_be_told(tmp_path: Path) -> None:
    for number, text in enumerate(TEXTS):
        (tmp_path / os.fsdecode(b"%s_\xff%d.png" % (text.encode(), number))).write_bytes(_image(number))
    labelled = LabelledFolder.open(str(tmp_path))
    assert {text for _, text in labelled.labels} == set(TEXTS)
    assert json.dumps(labelled.describe(), ensure_ascii=False).encode()
    figures = inspect_labelled(labelled).summary()
    assert json.dumps(figures, ensure_ascii=False).encode()


def test_a_name_with_control_characters_is_spelt_out(tmp_path: Path) -> None:
    for number, text in enumerate(TEXTS):
        (tmp_path / f"{text}_\n\x1b[2J{number}.png").write_bytes(_image(number))
    name, text = LabelledFolder.open(str(tmp_path)).describe()["pairs"][0]
    assert (name, text) == (
        f"{sorted(TEXTS)[0]}_\\n\\x1b[2J{TEXTS.index(sorted(TEXTS)[0])}.png",
        sorted(TEXTS)[0],
    )


@pytest.mark.parametrize("target", ["labels.csv", "nowhere.csv"])
def test_a_label_file_that_is_a_broken_link_stops(tmp_path: Path, target: str) -> None:
    _named(tmp_path, lambda i, t: f"{t}_{i}.png")
    (tmp_path / "labels.csv").symlink_to(target)
    with pytest.raises(StorageError, match=r"cannot read .*/labels\.csv: "):
        LabelledFolder.open(str(tmp_path))


def test_where_there_are_no_images_links_to_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "images").symlink_to(tmp_path)
    _named(tmp_path, lambda i, t: f"{t}_{i}.png")
    with pytest.raises(InputError, match=r"holds no images .* left out: images: a link to a folder"):
        LabelledFolder.open(str(tmp_path / "own"))


def test_gbk_is_read_and_told(tmp_path: Path) -> None:
    texts = ["验证码", "识别中", "文字图", "数据集"]
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(_image(number))
    (tmp_path / "labels.txt").write_bytes("\r\n".join(texts).encode("gbk"))
    labelled = LabelledFolder.open(str(tmp_path))
    assert [text for _, text in labelled.labels] == texts
    assert labelled.labelling.notes == ("labels.txt is read as GBK",)


def test_files_that_say_nothing_of_labels_are_passed_over(tmp_path: Path) -> None:
    _named(tmp_path, lambda i, t: f"{t}_{i}.png")
    (tmp_path / "README.txt").write_text("Images as X7PQ_1.png, K9P3_0.png and AB12_3.png")
    (tmp_path / "classes.txt").write_text("0123456789")
    (tmp_path / "settings.json").write_text('{"width": 30}')
    assert len(LabelledFolder.open(str(tmp_path))) == 12
