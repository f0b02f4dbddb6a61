"""Specs of the generator medley, and that other specs are what they were without it."""

import json
from pathlib import Path

import pytest

from captcha_core.errors import SpecError
from captcha_core.spec import Spec, fonts, load, presets
from captcha_core.spec.medley import FontFile, Medley

DROID = str(fonts.find(fonts.BUILT_IN))


def test_specs_of_other_generators_keep_their_digests() -> None:
    digests = {name: spec.digest for name, spec in presets().items() if name != "medley"}
    assert digests == {
        "default": "53830490ec3d4dcf",
        "lepture": "6f668119443a96d4",
        "origin-2017": "ade6433739c3536e",
        "alnum-4-6": "4d72e0e06f284f10",
    }
    assert "medley" not in json.loads(Spec().model_dump_json())


def test_a_spec_survives_json() -> None:
    spec = load("medley").replaced(medley={"fonts": [DROID], "heights": (20, 40), "grounds": {"flat": 1}})
    again = Spec.model_validate_json(spec.model_dump_json())
    assert again == spec
    assert again.digest == spec.digest
    assert again.medley is not None
    assert again.medley.fonts == (FontFile(name=DROID, sha256=fonts.sha256(DROID)),)


def test_what_the_spec_narrows_changes_the_digest() -> None:
    spec = load("medley")
    narrowed = ({"rotate": (0, 0)}, {"colour": 0}, {"strokes": {"bold": 1}}, {"fonts": [DROID]})
    assert len({spec.digest} | {spec.replaced(medley=fields).digest for fields in narrowed}) == 5


def test_the_distribution_has_defaults() -> None:
    assert Spec.make(generator="medley").medley == Medley()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rotate": (10, -10)}, "rotate must ascend"),
        ({"strokes": {"plain": 0}}, "strokes needs a weight above 0"),
        ({"grounds": {}}, "grounds needs a weight above 0"),
        ({"waves": 1.5}, "medley.waves"),
        ({"wave": 1}, "medley.wave"),
        ({"fonts": ["/nowhere.ttf"]}, "no font at /nowhere.ttf"),
        ({"clutter": {"cats": 1}}, "clutter"),
    ],
)
def test_wrong_values_are_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Spec.make(generator="medley", medley=fields)


def test_medley_is_for_its_generator_alone() -> None:
    with pytest.raises(SpecError, match="`medley` is for the generator of that name"):
        Spec.make(medley={})
    with pytest.raises(SpecError, match="options are for plug-in generators"):
        Spec.make(generator="medley", options={"a": 1})


def test_a_file_narrows_it(tmp_path: Path) -> None:
    path = tmp_path / "ours.json"
    path.write_text(json.dumps({"generator": "medley", "width": 192, "height": 64, "medley": {"colour": 0}}))
    spec = load(str(path))
    assert spec.medley is not None
    assert spec.medley.colour == 0
