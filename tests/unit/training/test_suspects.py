"""Suspicious labels: which labels are so, and what becomes of them in the loss."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from captcha_core.codecs.codec import Codec
from captcha_core.errors import TrainingError
from captcha_core.networks import Problem, checkpoint, codec
from captcha_core.spec import Spec
from captcha_core.training import InMemory, Rendered, RunFolder, TrainingPlan, findings, slices, suspects
from captcha_core.training.plan import Start, Trial
from tests.unit.training.test_slices import CPU, plan, weights

_PROBLEM = Problem(charset="0123456789", lengths=(2, 2), size=(48, 24))
_CODECS = [codec("ctc", _PROBLEM), codec("heads", _PROBLEM)]
_LOOK = {"font_sizes": (22, 26), "noise_dots": 4, "noise_curve": False, "character_rotate": (-10, 10)}
_SPEC = Spec.make(width=60, height=32, lengths=(1, 2), charset="012", look=_LOOK)


def _logits(own: Codec, texts: list[str], sharpness: float) -> np.ndarray:
    """Logits of a network that reads these texts, more or less sure of them."""
    columns = 5 if own.first_character else 2
    logits = np.zeros((len(texts), columns, own.classes), np.float32)
    for row, text in enumerate(texts):
        for number, character in enumerate(text):
            column = 2 * number + 1 if own.first_character else number
            logits[row, column, own.first_character + own.charset.index(character)] = sharpness
        if own.first_character:
            logits[row, ::2, 0] = sharpness
    return logits


def _files(count: int) -> list[str]:
    return [f"{number}.png" for number in range(count)]


@pytest.mark.parametrize("own", _CODECS)
def test_a_label_that_is_contradicted_with_confidence_is_suspicious(own: Codec) -> None:
    texts = [f"{number:02}" for number in range(20)]
    labels = [*texts[:7], "99", *texts[8:]]
    suspicious = suspects.find(_logits(own, texts, 12), own, labels, _files(20), "out of fold")
    assert suspicious.looked_at == 20
    (suspect,) = suspicious.labels
    assert (suspect.path, suspect.label, suspect.text, suspect.reason) == ("7.png", "99", "07", "out of fold")
    assert suspect.confidence > 0.9


@pytest.mark.parametrize("own", _CODECS)
def test_a_network_that_is_unsure_contradicts_no_label(own: Codec) -> None:
    texts = [f"{number:02}" for number in range(20)]
    labels = [*texts[:7], "99", *texts[8:]]
    assert not suspects.find(_logits(own, texts, 1.5), own, labels, _files(20), "held out").labels


def test_a_contradiction_less_sure_than_the_labels_are_on_average_is_none() -> None:
    own = _CODECS[0]
    texts = [f"{number:02}" for number in range(20)]
    labels = [*texts[:7], "99", *texts[8:]]
    logits = _logits(own, texts, 12)
    logits[7] = _logits(own, ["07"], 4.8)[0]
    confidence = own.decode(logits[7:8]).confidence[0]
    assert 0.5 < confidence < 0.94
    assert not suspects.find(logits, own, labels, _files(20), "held out").labels


@pytest.mark.parametrize("own", _CODECS)
def test_weights_multiply_the_loss_of_their_images(own: Codec) -> None:
    texts = ["12", "34", "56"]
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=_logits(own, texts, 1).shape)).float()
    codes = own.encode(texts)
    plain = own.loss(logits, codes)
    torch.testing.assert_close(own.loss(logits, codes, torch.ones(3)), plain)
    each = [own.loss(logits[n : n + 1], codes[n : n + 1]) for n in range(3)]
    weighted = own.loss(logits, codes, torch.tensor([1.0, 0.5, 0.0]))
    torch.testing.assert_close(weighted, (each[0] + each[1] / 2) / 3)


def test_an_image_of_no_weight_teaches_nothing() -> None:
    own = _CODECS[0]
    logits = torch.zeros(2, 5, own.classes, requires_grad=True)
    own.loss(logits, own.encode(["12", "34"]), torch.tensor([0.0, 1.0])).backward()
    assert logits.grad is not None
    assert not logits.grad[0].any()
    assert logits.grad[1].any()


def test_weights_of_one_change_no_bit_of_a_training(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 24, 48), np.uint8)
    source = InMemory(images, ["1", "23"] * 20, files=_files(40))
    plain = slices.train_slice(tmp_path / "plain", plan(), source, runtime=CPU)
    ones = slices.train_slice(tmp_path / "ones", plan(), source.weighted({}), runtime=CPU)
    less = slices.train_slice(
        tmp_path / "less", plan(), source.weighted(dict.fromkeys(_files(20), 0.1)), runtime=CPU
    )
    assert weights(plain.checkpoint) == weights(ones.checkpoint)
    assert weights(plain.checkpoint) != weights(less.checkpoint)


def test_a_plan_from_before_keeps_its_digest() -> None:
    dumped = plan().model_dump(mode="json")
    assert not {"trust", "self_training"} & dumped.keys()
    assert plan(trust=0.5).digest != plan().digest


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that reads the images of `_SPEC`."""
    made = _plan(images=6_400, rate=8e-3)
    run = tmp_path_factory.mktemp("reader")
    path = slices.train_slice(run, made, Rendered(_SPEC, 1), runtime=CPU).checkpoint
    assert path is not None
    return path


def _plan(**fields: object) -> TrainingPlan:
    problem = {"charset": "012", "lengths": (1, 2), "size": (60, 32)}
    basis = {"problem": problem, "settings": {"channels": (8, 16, 24, 32), "column": 4}, "batch": 32}
    return TrainingPlan.make(**(basis | {"validation": 40} | fields))


def _with_wrong_labels(held_out: float = 0.0) -> tuple[InMemory, set[str]]:
    """Sixty labelled images, of which five have another label than is drawn."""
    images, texts = Rendered(_SPEC, 2).batch(0, 60)
    wrong = range(0, 60, 12)
    labels = [("0" if text != "0" else "1") if n in wrong else text for n, text in enumerate(texts)]
    return InMemory(images, labels, held_out=held_out, files=_files(60)), {f"{n}.png" for n in wrong}


def _trial(reader: Path, folds: int) -> Trial:
    return Trial(starts=(Start(initial=str(reader), rate=1e-3),), images=160, folds=folds)


def test_wrong_labels_are_found_out_of_fold_and_lose_their_weight(tmp_path: Path, reader: Path) -> None:
    source, wrong = _with_wrong_labels()
    made = _plan(images=320, trial=_trial(reader, 4), trust=0.25)
    slices.train_slice(tmp_path, made, source, runtime=CPU)
    suspicious = suspects.load(tmp_path)
    assert suspicious is not None
    assert suspicious.looked_at == 60
    named = {suspect.path for suspect in suspicious.labels}
    assert wrong <= named
    assert len(named) <= len(wrong) + 3
    assert {suspect.reason for suspect in suspicious.labels} == {"out of fold"}
    assert suspects.weights(tmp_path, made.trust) == dict.fromkeys(named, 0.25)


@pytest.mark.parametrize("trust", [1.0, 0.0])
def test_a_cut_run_has_the_bits_of_an_uncut_one_whatever_its_trust(
    tmp_path: Path, reader: Path, trust: float
) -> None:
    source, _ = _with_wrong_labels()
    made = _plan(images=160, trial=_trial(reader, 2), trust=trust)
    uncut = slices.train_slice(tmp_path / "uncut", made, source, runtime=CPU)
    step, finished = 0, False
    while not finished:
        result = slices.train_slice(tmp_path / "cut", made, source, step, 0.0, runtime=CPU)
        step, finished = result.step, result.finished
    assert weights(uncut.checkpoint) == weights(result.checkpoint)


def test_trust_changes_what_is_learnt(tmp_path: Path, reader: Path) -> None:
    source, _ = _with_wrong_labels()
    results = [
        slices.train_slice(
            tmp_path / str(trust), _plan(images=64, trial=_trial(reader, 2), trust=trust), source, runtime=CPU
        )
        for trust in (1.0, 0.0)
    ]
    assert weights(results[0].checkpoint) != weights(results[1].checkpoint)


def test_without_folds_the_held_out_labels_are_looked_at(tmp_path: Path, reader: Path) -> None:
    source, wrong = _with_wrong_labels(held_out=0.5)
    held_out = set(source.held_out_files(30))
    assert held_out & wrong  # else the test shows nothing
    slices.train_slice(tmp_path, _plan(images=64, rate=1e-3, initial=str(reader)), source, runtime=CPU)
    suspicious = suspects.load(tmp_path)
    assert suspicious is not None
    assert suspicious.looked_at == 30
    assert {suspect.path for suspect in suspicious.labels} >= held_out & wrong
    assert {suspect.path for suspect in suspicious.labels} <= held_out
    assert {suspect.reason for suspect in suspicious.labels} == {"held out"}


def test_where_no_label_is_kept_from_training_none_is_looked_at(tmp_path: Path) -> None:
    images = np.zeros((20, 24, 48), np.uint8)
    source = InMemory(images, ["1", "23"] * 10, held_out=0.0, files=_files(20))
    result = slices.train_slice(tmp_path, plan(), source, runtime=CPU)
    assert result.checkpoint is not None
    assert suspects.load(tmp_path) is None
    model = checkpoint.describe(result.checkpoint)
    assert findings.read(tmp_path, model, str(tmp_path / "m")).figures == {}


def test_the_summary_has_the_first_and_the_table_all(tmp_path: Path, reader: Path) -> None:
    source, _ = _with_wrong_labels()
    made = _plan(images=64, trial=_trial(reader, 4), trust=0.5)
    result = slices.train_slice(tmp_path / "run", made, source, runtime=CPU)
    assert result.checkpoint is not None
    suspicious = findings.read(tmp_path / "run", checkpoint.describe(result.checkpoint), str(tmp_path / "m"))
    figures = json.loads(json.dumps(suspicious.figures))["suspects"]
    assert (figures["looked_at"], figures["trust"], len(figures["first"])) == (60, 0.5, 5)
    suspicious.publish(overwrite=False)
    assert len((tmp_path / "m.suspects.csv").read_text().splitlines()) == 1 + figures["count"]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    suspects.save(RunFolder(tmp_path), suspects.Suspects(looked_at=1), "held out")
    (path,) = tmp_path.rglob("suspects.json")
    path.write_text("{")
    with pytest.raises(TrainingError, match="is damaged"):
        suspects.load(tmp_path)
