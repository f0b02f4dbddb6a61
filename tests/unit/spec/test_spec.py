import json
from pathlib import Path

import pytest

from captcha_core.errors import SpecError
from captcha_core.spec import Spec, charset, fonts, load, parse_lengths, presets


def test_a_spec_survives_json() -> None:
    spec = Spec.make(width=200, lengths="4-6", charset="alnum", distinct=True)
    again = Spec.model_validate_json(spec.model_dump_json())
    assert again == spec
    assert again.digest == spec.digest


def test_every_field_changes_the_digest() -> None:
    digests = {
        spec.digest
        for spec in (
            Spec(),
            Spec.make(width=171),
            Spec.make(height=81),
            Spec.make(lengths=5),
            Spec.make(charset="digits"),
            Spec.make(distinct=True),
            Spec.make(image_format="png"),
            Spec.make(quality=90),
            Spec.make(look={"noise_dots": 29}),
            Spec.make(look={"fonts": [{"name": fonts.BUILT_IN, "sha256": "0" * 64}]}),
        )
    }
    assert len(digests) == 10


def test_the_digest_does_not_depend_on_how_a_spec_was_written() -> None:
    assert Spec.make(lengths="4").digest == Spec.make(lengths=(4, 4)).digest == Spec().digest
    assert Spec.make(charset="digits").digest == Spec.make(charset="0123456789").digest
    reordered = dict(reversed(json.loads(Spec().model_dump_json()).items()))
    assert Spec.make(**reordered).digest == Spec().digest


def test_presets_are_the_published_looks() -> None:
    origin = presets()["origin-2017"]
    assert (origin.width, origin.height, origin.lengths, origin.distinct) == (170, 80, (4, 4), True)
    assert origin.charset == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert (presets()["lepture"].width, presets()["lepture"].height) == (160, 60)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"width": 8}, "width"),
        ({"width": 4096, "height": 4096}, "pixels"),
        ({"lengths": "6-4"}, "ascend"),
        ({"lengths": "four"}, "number or a range"),
        ({"lengths": 33}, "32"),
        ({"charset": "AAB"}, "repeats"),
        ({"charset": "alnum-uper"}, "unknown charset"),
        ({"charset": ""}, "1 to"),
        ({"charset": "A B"}, "white space"),
        ({"charset": "AB", "distinct": True}, "distinct"),
        ({"image_format": "tiff"}, "image_format"),
        ({"colour": "red"}, "colour"),
        ({"look": {"character_rotate": (30, -30)}}, "ascend"),
        ({"look": {"noise_dots": 1000}}, "noise_dots"),
        ({"options": {"a": 1}}, "plug-in"),
    ],
)
def test_a_wrong_field_is_named_in_one_line(fields: dict[str, object], word: str) -> None:
    with pytest.raises(SpecError) as caught:
        Spec.make(**fields)
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "lengths"), [("4", (4, 4)), ("4-6", (4, 6)), ("1-32", (1, 32))])
def test_lengths(text: str, lengths: tuple[int, int]) -> None:
    assert parse_lengths(text) == lengths


def test_named_charsets_hold_no_repeats() -> None:
    for name, characters in charset.NAMED.items():
        assert len(set(characters)) == len(characters), name
        assert charset.parse(name) == characters


def test_a_missing_font_is_refused_with_its_name() -> None:
    with pytest.raises(SpecError, match=r"/nowhere/x\.ttf"):
        fonts.find("/nowhere/x.ttf")


def test_another_font_of_the_same_name_is_refused() -> None:
    with pytest.raises(SpecError, match="differs"):
        fonts.check(fonts.BUILT_IN, "0" * 64)


def test_a_spec_is_loaded_by_name_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "spec.json"
    file.write_text(json.dumps({"width": 200, "look": {"noise_curve": False, "fonts": [fonts.BUILT_IN]}}))
    found = load(str(file))
    assert (found.width, found.height, found.look.noise_curve) == (200, 80, False)
    assert found.look.fonts == Spec().look.fonts
    file.write_text(found.model_dump_json())
    assert load(str(file)) == found
    assert load("origin-2017") == presets()["origin-2017"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "no spec"),
        ("{", "no JSON"),
        ("[]", "object"),
        ('{"colour": 1}', "colour"),
        ('{"look": {"fonts": ["/nowhere.ttf"]}}', "no font at /nowhere.ttf"),
    ],
)
def test_a_wrong_spec_file_is_named(tmp_path: Path, content: str | None, word: str) -> None:
    file = tmp_path / "spec.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SpecError, match=word):
        load(str(file))
