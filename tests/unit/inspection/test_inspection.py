"""What an inspection finds in sets that are made with one fault each."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from captcha_core.datasets import Dataset, LabelledFolder, LabelOptions, Plan, open_labelled
from captcha_core.errors import DatasetError
from captcha_core.inspection import Inspection, inspect_labelled
from captcha_core.inspection.findings import findings
from captcha_core.inspection.page import page
from captcha_core.inspection.texts import describe_texts
from captcha_core.solving.solver import Solver
from captcha_core.spec import Spec, fonts
from captcha_core.spec.charset import NAMED

FONT = ImageFont.truetype(str(fonts.find(fonts.BUILT_IN)), 34)


def _drawn(text: str, seed: int = 0) -> Image.Image:
    """Draw a text, with lines that depend on the seed."""
    draws = np.random.default_rng(seed)
    image = Image.new("RGB", (140, 56), "white")
    brush = ImageDraw.Draw(image)
    for index, character in enumerate(text):
        brush.text((8 + 32 * index, 44), character, "black", FONT, anchor="ls")
    for _ in range(3):
        brush.line(tuple(draws.integers(0, 140, 4).tolist()), "grey", 2)
    return image


def _random_texts(count: int, charset: str, seed: int = 1) -> list[str]:
    draws = np.random.default_rng(seed)
    return ["".join(draws.choice(list(charset), 4)) for _ in range(count)]


def _write(folder: Path, drawn: list[str], labels: list[str] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    rows = ["file_name,text"]
    for number, text in enumerate(drawn):
        _drawn(text, number).save(folder / f"{number:03d}.png")
        rows.append(f"{number:03d}.png,{(labels or drawn)[number]}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


def _inspected(folder: Path) -> Inspection:
    return inspect_labelled(LabelledFolder.open(str(folder)))


def test_a_sound_set_has_no_findings(tmp_path: Path) -> None:
    inspection = _inspected(_write(tmp_path, _random_texts(60, "ABCDEF")))
    assert findings(inspection) == []
    summary = inspection.summary()
    assert summary["images"] == summary["looked_at"] == 60
    assert summary["sizes"] == [{"width": 140, "height": 56, "images": 60}]
    assert (summary["formats"], summary["modes"]) == ({"PNG": 60}, {"RGB": 60})
    assert summary["texts"]["charset"] == "ABCDEF"
    assert sum(summary["texts"]["characters"].values()) == 240


def test_images_that_cannot_be_read_are_named_with_the_reason(tmp_path: Path) -> None:
    _write(tmp_path, _random_texts(10, "AB"))
    data = (tmp_path / "003.png").read_bytes()
    (tmp_path / "003.png").write_bytes(data[: len(data) // 2])
    (tmp_path / "004.png").write_bytes(b"GIF89a")
    inspection = _inspected(tmp_path)
    assert list(inspection.unreadable) == ["003.png", "004.png"]
    assert "truncated" in inspection.unreadable["003.png"]
    assert any("2 images cannot be read: 003.png, 004.png" in sentence for sentence in findings(inspection))


def test_nothing_that_can_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ABCD.png").write_bytes(b"nothing")
    with pytest.raises(DatasetError, match=r"can be read, as ABCD\.png: not a PNG"):
        _inspected(tmp_path)


def test_identical_images_are_found_whatever_their_files(tmp_path: Path) -> None:
    texts = _random_texts(12, "ABCDEFGH")
    _write(tmp_path, texts, [*texts[:11], "OTHER"])
    Image.open(tmp_path / "000.png").save(tmp_path / "011.png", compress_level=0)
    Image.open(tmp_path / "001.png").save(tmp_path / "002.png", "BMP")
    inspection = _inspected(tmp_path)
    assert [set(group.names) for group in inspection.identical] == [
        {"000.png", "011.png"},
        {"001.png", "002.png"},
    ]
    assert inspection.summary()["identical"]["different_labels"] == 2
    assert inspection.wrong_extensions == [("002.png", "BMP")]
    assert inspection.near == []


def test_an_image_that_was_compressed_again_is_nearly_the_same(tmp_path: Path) -> None:
    _write(tmp_path, _random_texts(40, NAMED["upper"]))
    buffer = io.BytesIO()
    Image.open(tmp_path / "005.png").save(buffer, "JPEG", quality=80)
    (tmp_path / "030.png").write_bytes(buffer.getvalue())
    inspection = _inspected(tmp_path)
    assert inspection.near is not None
    assert [group.names for group in inspection.near] == [("005.png", "030.png")]
    assert any(
        "1 group of nearly identical images, of which 1" in sentence for sentence in findings(inspection)
    )


def test_an_image_in_both_parts_of_a_set_is_told(tmp_path: Path) -> None:
    for part in ("train", "test"):
        _write(tmp_path / part, _random_texts(5, "ABC", seed=len(part)))
    (tmp_path / "test" / "001.png").write_bytes((tmp_path / "train" / "002.png").read_bytes())
    inspection = _inspected(tmp_path)
    assert inspection.across_parts == 1
    assert any("in training and test images alike" in sentence for sentence in findings(inspection))


def test_sizes_transparency_animation_and_plain_images_are_told(tmp_path: Path) -> None:
    _write(tmp_path, _random_texts(6, "AB"))
    _drawn("ABAB").resize((70, 28)).save(tmp_path / "000.png")
    Image.new("RGBA", (140, 56), (255, 255, 255, 0)).save(tmp_path / "001.png")  # nothing in it
    frames = [_drawn("AAAA", 1), _drawn("BBBB", 2)]
    frames[0].save(tmp_path / "002.png", "GIF", save_all=True, append_images=frames[1:])
    _drawn("BBBA", 4).convert("RGBA").save(tmp_path / "003.png")  # opaque throughout
    sentences = "\n".join(findings(_inspected(tmp_path)))
    assert "2 sizes of images, the commonest 140×56 (5)" in sentences
    assert "1 image with transparent pixels" in sentences
    assert "1 image on which there is nothing to see: 001.png" in sentences
    assert "1 animated image" in sentences


LETTERS = "abcdefhklmnorstuvwxz"


@pytest.mark.parametrize(
    ("label", "draw", "verdict"),
    [
        (str.lower, str.lower, [("small", "small")]),
        (str.upper, str.upper, [("capitals", "capitals")]),
        (str.lower, str.upper, [("small", "capitals")]),
        (str.upper, str.lower, [("capitals", "small")]),
    ],
)
def test_labels_in_another_case_than_the_drawn_one_are_told(
    tmp_path: Path, label: Callable[[str], str], draw: Callable[[str], str], verdict: list[tuple[str, str]]
) -> None:
    texts = _random_texts(120, LETTERS)
    inspection = _inspected(_write(tmp_path, list(map(draw, texts)), list(map(label, texts))))
    assert [(found["labels"], found["drawn"]) for found in inspection.drawn_case] == verdict
    contradicted = any("--ignore-case" in sentence for sentence in findings(inspection))
    assert contradicted == (label is not draw)


def test_of_few_letters_the_case_is_unknown(tmp_path: Path) -> None:
    texts = _random_texts(20, LETTERS)
    inspection = _inspected(_write(tmp_path, texts, list(map(str.upper, texts))))
    assert [verdict["drawn"] for verdict in inspection.drawn_case] == ["unknown"]


def test_labels_in_one_case(tmp_path: Path) -> None:
    _write(tmp_path, ["ABcd", "EFGH", "IJßl"])
    labelled = LabelledFolder.open(str(tmp_path), LabelOptions(ignore_case=True))
    assert [text for _, text in labelled.labels] == ["ABCD", "EFGH", "IJßL"]
    assert "all letters are taken as capitals" in labelled.labelling.notes


def test_what_labels_tell() -> None:
    figures = describe_texts([("a", "0O1l"), ("b", "0O1l"), ("c", "АB01"), ("d", "xB01")])
    assert figures["lengths"] == {4: 4}
    assert {"0O", "1l"} <= set(figures["look_alikes"])
    assert figures["foreign"] == ["А CYRILLIC CAPITAL LETTER A"]
    assert [(item["character"], item["image"]) for item in figures["seen_once"]] == [("А", "c"), ("x", "d")]
    assert figures["case"] == {"both": 3, "capitals": 1}
    assert describe_texts([(str(number), "123456") for number in range(9)] + [("x", "12345")])["zeros_lost"]
    assert not describe_texts([(str(number), "023456") for number in range(9)] + [("x", "12345")])[
        "zeros_lost"
    ]


def test_a_sample_is_spread_evenly(tmp_path: Path) -> None:
    _write(tmp_path, _random_texts(20, "AB"))
    inspection = inspect_labelled(LabelledFolder.open(str(tmp_path)), most=5)
    assert inspection.names == ["000.png", "004.png", "008.png", "012.png", "016.png"]
    assert inspection.images == 20


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    spec = Spec.make(width=170, height=80, lengths=4, charset="alnum-upper")
    dataset = Dataset.begin(str(tmp_path_factory.mktemp("data")), Plan(spec=spec, shards=2, per_shard=20))
    for shard in range(2):
        dataset.write_shard(shard)
    return dataset.finish()


def test_a_network_shows_labels_that_it_reads_otherwise(tmp_path: Path, generated: Dataset) -> None:
    for number, sample in enumerate(generated):
        text = {3: "ZZZZ", 5: sample.text.lower()}.get(number, sample.text)
        (tmp_path / f"{text}_{number}.png").write_bytes(sample.image)
    inspection = inspect_labelled(LabelledFolder.open(str(tmp_path)), solver=Solver.load("lepture-170x80"))
    assert inspection.suspicions is not None
    assert [doubt.label for doubt in inspection.suspicions.first][:1] == ["ZZZZ"]
    assert inspection.suspicions.right >= 36
    assert inspection.suspicions.case_alone >= (any(map(str.isalpha, list(generated)[5].text)))
    assert any("reads otherwise" in sentence for sentence in findings(inspection))


def test_a_generated_dataset_is_inspected(generated: Dataset) -> None:
    images = open_labelled(generated.folder.url)
    inspection = inspect_labelled(images)
    assert inspection.images == len(inspection.names) == 40
    assert "<h2>Examples</h2>" in page(inspection, images)


def test_a_page_holds_its_pictures_and_escapes_names(tmp_path: Path) -> None:
    _write(tmp_path, ["AB<D", "ABCD", "ABCE"])
    (tmp_path / "002.png").write_bytes((tmp_path / "001.png").read_bytes())
    labelled = LabelledFolder.open(str(tmp_path))
    text = page(inspect_labelled(labelled), labelled)
    assert text.count('src="data:image/png;base64,') >= 5
    assert "AB&lt;D" in text
    assert "AB<D" not in text
    assert "<h2>Identical images</h2>" in text
    assert "http" not in text
