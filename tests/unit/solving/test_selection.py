"""The choice of a network by what the shipped ones make of a sample."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from captcha_core import Solver, Spec, presets, solving
from captcha_core.codecs.options import Decoding
from captcha_core.errors import CheckpointError
from captcha_core.inputs import find_source
from captcha_core.networks import checkpoint
from captcha_core.rendering import open_renderer
from captcha_core.rendering.encoding import encode
from captcha_core.solving import Reading, ReadingPlan
from captcha_core.solving.selection import select_checkpoint, select_for_reading
from captcha_core.spec import fonts, load
from captcha_core.spec.charset import NAMED

LOOKS = {"lepture-170x80": "default", "lepture-160x60": "lepture", "alnum-170x80": "alnum-4-6"}
"""For each shipped network of the library's look, the spec of the images it was trained on."""


def _rendered(spec: Spec, seed: int = 5, count: int = 16) -> list[bytes]:
    pixels, _ = open_renderer(spec).batch(seed, 0, 0, count)
    return [encode(picture, spec) for picture in pixels]


def _digits() -> Spec:
    return presets()["lepture"].model_copy(update={"charset": "0123456789"})


def _folder(path: Path, images: Sequence[bytes]) -> Path:
    path.mkdir()
    for number, data in enumerate(images):
        (path / f"{number:03}.jpg").write_bytes(data)
    return path


def _noise(count: int = 16) -> list[np.ndarray]:
    return list(np.random.default_rng(1).integers(0, 256, (count, 80, 170), np.uint8))


@pytest.mark.parametrize("name", LOOKS)
def test_each_shipped_network_is_taken_for_its_own_look(name: str) -> None:
    images = _rendered(presets()[LOOKS[name]])
    selection = select_checkpoint(images, device="cpu")
    assert selection.checkpoint == name
    assert not selection.warning
    assert {trial.checkpoint for trial in selection.trials} == set(checkpoint.shipped())
    assert selection.trials[0].resized == 0
    assert f"{selection.trials[0].confident} of 16 sample images" in selection.reason


def test_the_same_images_give_the_same_choice() -> None:
    images = _rendered(presets()["alnum-4-6"])
    assert select_checkpoint(images, device="cpu") == select_checkpoint(images, device="cpu")


def test_no_network_is_sure_of_noise() -> None:
    selection = select_checkpoint(_noise(), device="cpu")
    assert selection.trials[0].mean_confidence < 0.5
    assert f"{selection.trials[0].mean_confidence:.2f}" in selection.warning


def test_no_network_is_sure_of_another_look() -> None:
    look = {"font_sizes": [30, 34, 38], "character_rotate": [-15, 15]}
    spec = Spec.make(width=120, height=50, lengths=5, charset="digits", look=look)
    selection = select_checkpoint(_rendered(spec), sorted(LOOKS), device="cpu")
    assert selection.warning
    assert "(16 resized to " in selection.reason


def test_a_sample_is_bounded_and_reaches_the_last_images() -> None:
    images = [*_noise(200), *_rendered(presets()["default"], count=100)]
    (trial, *_) = select_checkpoint(images, ["lepture-170x80"], device="cpu").trials
    assert len(trial.confidences) == 64
    assert 15 <= trial.confident <= 25  # a third


def test_without_a_readable_image_the_default_network_is_taken() -> None:
    for images in ([], [b"no image"] * 3):
        selection = select_checkpoint(images, device="cpu")
        assert (selection.checkpoint, selection.trials) == (checkpoint.DEFAULT, ())
        assert not selection.warning


def test_networks_that_do_not_read_such_lengths_are_left_out() -> None:
    images = _rendered(presets()["default"])
    selection = select_checkpoint(images, sorted(LOOKS), device="cpu", decoding=Decoding(lengths=(5, 6)))
    assert [trial.checkpoint for trial in selection.trials] == ["alnum-170x80"]
    with pytest.raises(CheckpointError, match=r"texts with length 9: of alnum-170x80, .* texts of 4 to 6"):
        select_checkpoint(images, sorted(LOOKS), device="cpu", decoding=Decoding(lengths=(9, 9)))


def test_networks_that_lack_a_character_are_left_out() -> None:
    images = _rendered(_digits())
    digits = Decoding(charset="0123456789")
    selection = select_checkpoint(images, sorted(LOOKS), device="cpu", decoding=digits)
    assert (selection.checkpoint, len(selection.trials)) == ("lepture-160x60", 3)
    lower = Decoding(charset="abc")
    folded = lower.model_copy(update={"ignore_case": True})
    assert len(select_checkpoint(images, sorted(LOOKS), device="cpu", decoding=folded).trials) == 3
    (trial,) = select_checkpoint(images, sorted(LOOKS), device="cpu", decoding=lower).trials
    assert trial.checkpoint == "alnum-170x80"
    with pytest.raises(CheckpointError, match=r"texts with charset abc\$: of alnum-170x80, .* and not '\$'"):
        select_checkpoint(images, sorted(LOOKS), device="cpu", decoding=Decoding(charset="abc$"))


def _any_look(count: int = 96) -> list[bytes]:
    """Texts of 5 digits, every image in another look."""
    return _rendered(load("medley").replaced(charset="0123456789", lengths=(5, 5)), count=count)


def test_among_networks_that_are_not_sure_the_most_confident_is_taken() -> None:
    font = str(fonts.find(fonts.BUILT_IN))
    hard = {"heights": (12, 14), "faint": 1.0, "contrast": (16, 24), "noise": 1.0, "spacing": (-0.35, -0.3)}
    spec = load("medley").replaced(charset="alnum", lengths=(9, 9), medley=hard | {"fonts": [font]})
    first, *others = select_checkpoint(_rendered(spec, count=32), device="cpu").trials
    assert first.mean_confidence < 0.3
    assert first.mean_confidence > max(trial.mean_confidence for trial in others)


def test_what_does_not_occur_in_the_sample_is_left_out() -> None:
    selection = select_checkpoint(_any_look(), ["general"], device="cpu")
    assert selection.narrowed
    assert (selection.decoding.charset, selection.decoding.lengths) == ("0123456789", (5, 5))


def test_what_the_caller_says_of_the_texts_is_kept() -> None:
    images = _any_look()
    given = Decoding(charset="012345678O", ignore_case=True, beam=4)
    decoding = select_checkpoint(images, ["general"], device="cpu", decoding=given).decoding
    assert decoding == given.model_copy(update={"lengths": (5, 5)})
    given = Decoding(charset="0123456789", lengths=(4, 6))
    selection = select_checkpoint(images, ["general"], device="cpu", decoding=given)
    assert (selection.decoding, selection.narrowed) == (given, False)
    everything = Decoding(charset=NAMED["alnum"], lengths=(3, 12))  # as the command line advises
    assert not select_checkpoint(images, ["general"], device="cpu", decoding=everything).narrowed


def test_nothing_is_left_out_where_the_network_is_certain_or_the_images_are_few() -> None:
    certain = select_checkpoint(_rendered(presets()["default"], count=64), device="cpu")
    few = select_checkpoint(_any_look(4), ["general"], device="cpu")
    assert (certain.narrowed, few.narrowed) == (False, False)


def test_a_reading_goes_on_with_what_it_leaves_out(tmp_path: Path) -> None:
    images = _any_look()
    folder, out = _folder(tmp_path / "images", images), tmp_path / "texts.csv"
    first = solving.read(folder, out)
    assert first.decoding == {"lengths": [5, 5], "charset": "0123456789"}
    for path in sorted(folder.iterdir())[5:]:
        path.unlink()  # so few leave nothing out
    again = solving.read(folder, out)
    assert again.decoding == first.decoding
    selection = select_for_reading(find_source(str(folder)), str(out), batch=4)
    assert selection.checkpoint == "general"
    assert selection.reason.endswith("was begun with it and --length 5 --charset 0123456789")
    anew = solving.read(folder, out, overwrite=True)
    assert anew.decoding == {}


def test_candidates_may_be_paths(exported: Path) -> None:
    selection = select_checkpoint(_rendered(presets()["lepture"]), [exported, "lepture-160x60"], device="cpu")
    assert [trial.checkpoint for trial in selection.trials] == ["lepture-160x60", str(exported)]


def test_a_solver_for_images_is_of_the_chosen_network_and_warns_when_it_is_not_sure() -> None:
    solver = Solver.for_images(_rendered(presets()["alnum-4-6"]), "cpu", lengths=(4, 6))
    assert solver.checkpoint.folder == checkpoint.find("alnum-170x80")
    masked = Solver.for_images(_rendered(_digits()), "cpu", charset="digits", ignore_case=True)
    assert (masked.checkpoint.folder, masked.charset) == (checkpoint.find("lepture-160x60"), "0123456789")
    with pytest.warns(UserWarning, match="no network is sure"):
        Solver.for_images(_noise(), "cpu")


def test_a_reading_goes_on_with_the_network_of_its_table(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "images", _rendered(presets()["alnum-4-6"]))
    out = tmp_path / "texts.csv"
    first = solving.read(folder, out)
    assert Path(first.checkpoint).name == "alnum-170x80"
    for path, data in zip(sorted(folder.iterdir()), _rendered(presets()["default"]), strict=True):
        path.write_bytes(data)
    again = solving.read(folder, out)
    assert (again.digest, again.images) == (first.digest, 16)
    anew = solving.read(folder, out, overwrite=True)
    assert Path(anew.checkpoint).name == "lepture-170x80"


def test_what_was_begun_decides_unless_it_is_of_other_images_or_dropped(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "images", _rendered(presets()["default"]))
    source = find_source(str(folder))
    out = str(tmp_path / "texts.csv")
    digest = checkpoint.describe(checkpoint.find("lepture-160x60")).digest
    reading = Reading.start(ReadingPlan(source=source, digest=digest, batch=4, out=out))
    begun = select_for_reading(source, out, batch=4)
    assert (begun.checkpoint, begun.trials) == ("lepture-160x60", ())
    assert select_for_reading(source, out, batch=4, overwrite=True).checkpoint == "lepture-160x60"
    others = find_source(str(_folder(tmp_path / "others", _rendered(presets()["default"]))))
    assert select_for_reading(others, out, batch=4).checkpoint == "lepture-170x80"
    reading.remove()
    assert select_for_reading(source, out, batch=4).checkpoint == "lepture-170x80"


def test_the_note_of_a_table_that_is_gone_decides_nothing(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "images", _rendered(presets()["default"]))
    out = tmp_path / "texts.csv"
    solving.read(folder, out, Solver.load("alnum-170x80", "cpu"))
    source = find_source(str(folder))
    assert select_for_reading(source, str(out), batch=4).checkpoint == "alnum-170x80"
    out.unlink()
    assert select_for_reading(source, str(out), batch=4).checkpoint == "lepture-170x80"
