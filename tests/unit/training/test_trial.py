"""The trial before a run: which start it chooses, and that it survives being cut."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from captcha_core.errors import LabelError, TrainingError
from captcha_core.networks import checkpoint
from captcha_core.spec import Spec
from captcha_core.training import InMemory, Rendered, TrainingPlan, slices, state
from captcha_core.training.plan import Start, Trial
from captcha_core.training.slices import SliceResult
from tests.unit.training.test_slices import CPU, PROBLEM, after, plan, weights

_LOOK = {"font_sizes": (22, 26), "noise_dots": 4, "noise_curve": False, "character_rotate": (-10, 10)}
_SPEC = Spec.make(width=60, height=32, lengths=(1, 2), charset="012", look=_LOOK)
_READER = {
    "problem": {"charset": "012", "lengths": (1, 2), "size": (60, 32)},
    "settings": {"channels": (8, 16, 24, 32), "column": 4},
    "batch": 32,
}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that reads the images of `_SPEC`."""
    made = TrainingPlan.make(**_READER, images=6_400, rate=8e-3, validation=0)
    run = tmp_path_factory.mktemp("reader")
    path = slices.train_slice(run, made, Rendered(_SPEC, 1), runtime=CPU).checkpoint
    assert path is not None
    return path


@pytest.fixture
def few() -> InMemory:
    """Forty labelled images of the look that `reader` reads; none are held out."""
    return InMemory(*Rendered(_SPEC, 2).batch(0, 40), held_out=0)


def _choice(reader: Path, folds: int, **fields: object) -> TrainingPlan:
    starts = (Start(rate=8e-3), Start(initial=str(reader), rate=1e-3))
    trial = Trial(starts=starts, images=320, folds=folds)
    return TrainingPlan.make(**(_READER | {"images": 640, "trial": trial} | fields))


def _to_the_end(
    run: Path, made: TrainingPlan, source: InMemory, stop: Callable[[], Callable[[], bool]] | None = None
) -> SliceResult:
    """Train in slices of no time at all or, with `stop`, of so many steps."""
    step = 0
    for _ in range(200):
        limit = {"max_seconds": 0.0} if stop is None else {"stop": stop()}
        result = slices.train_slice(run, made, source, step, runtime=CPU, **limit)  # type: ignore[arg-type]
        if result.finished:
            return result
        step = result.step
    raise AssertionError("the run does not end")


def _decision(result: SliceResult) -> state.Decision:
    assert result.checkpoint is not None
    training = checkpoint.load(result.checkpoint).model.training
    return state.Decision.model_validate(training["trial"])


def test_the_start_that_reads_better_is_chosen_and_trained_from(
    tmp_path: Path, reader: Path, few: InMemory
) -> None:
    decision = _decision(slices.train_slice(tmp_path, _choice(reader, 4), few, runtime=CPU))
    assert decision.chosen == 1
    nothing, known = decision.starts
    assert known.loss < nothing.loss
    assert (known.initial, known.rate) == (str(reader), 1e-3)
    # Each image once for the one chosen; what is behind is measured on two folds only.
    assert (nothing.count, known.count) == (20, 40)
    assert known.right > 30
    made = _choice(reader, 4, images=32)
    first = slices.train_slice(tmp_path / "one step", made, few, stop=lambda: False, runtime=CPU)
    _, tensors = state.load(tmp_path / "one step", first.step, made.digest)
    before = checkpoint.load(reader).weights["head.weight"]
    np.testing.assert_allclose(tensors["network/head.weight"], before, atol=0.05)


def test_held_out_images_choose_where_there_are_no_folds(tmp_path: Path, reader: Path) -> None:
    source = InMemory(*Rendered(_SPEC, 2).batch(0, 60), held_out=0.5)
    decision = _decision(slices.train_slice(tmp_path, _choice(reader, 1), source, runtime=CPU))
    assert (decision.chosen, decision.temperature) == (1, None)
    assert [start.count for start in decision.starts] == [30, 30]


def test_a_trial_cut_into_slices_ends_with_the_bits_of_an_uncut_one(
    tmp_path: Path, reader: Path, few: InMemory
) -> None:
    made = _choice(reader, 3)
    uncut = slices.train_slice(tmp_path / "uncut", made, few, runtime=CPU)
    cut = _to_the_end(tmp_path / "cut", made, few)
    assert weights(uncut.checkpoint) == weights(cut.checkpoint)
    assert _decision(uncut) == _decision(cut)


def test_a_trial_that_is_killed_loses_the_part_it_was_at(tmp_path: Path, reader: Path, few: InMemory) -> None:
    made = _choice(reader, 3)

    class PowerCutError(Exception):
        pass

    calls = itertools.count()

    def cut_off() -> bool:
        if next(calls) == 25:  # within the third part, of ten steps each
            raise PowerCutError
        return False

    with pytest.raises(PowerCutError):
        slices.train_slice(tmp_path / "run", made, few, stop=cut_off, runtime=CPU)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("result.json")}
    assert len(kept) == 2
    ended = slices.train_slice(tmp_path / "run", made, few, runtime=CPU)
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    whole = slices.train_slice(tmp_path / "whole", made, few, runtime=CPU)
    assert weights(ended.checkpoint) == weights(whole.checkpoint)


def test_a_trial_that_is_stopped_saves_no_state(tmp_path: Path, reader: Path, few: InMemory) -> None:
    result = slices.train_slice(tmp_path, _choice(reader, 3), few, stop=after(3), runtime=CPU)
    assert (result.step, result.finished) == (0, False)
    assert state.steps(tmp_path) == []
    assert not list(tmp_path.rglob("result.json"))


def test_the_choice_needs_no_checkpoint_once_it_is_made(tmp_path: Path, reader: Path, few: InMemory) -> None:
    moved = tmp_path / "moved"
    network = checkpoint.load(reader)
    checkpoint.save(moved, network.model, network.weights)
    made = _choice(moved, 2)
    first = slices.train_slice(tmp_path / "run", made, few, max_seconds=0, runtime=CPU)
    while first.step == 0:
        first = slices.train_slice(tmp_path / "run", made, few, max_seconds=0, runtime=CPU)
    (moved / "model.json").unlink()
    assert slices.train_slice(tmp_path / "run", made, few, first.step, runtime=CPU).finished


def test_confidences_are_calibrated_by_answers_out_of_fold(tmp_path: Path, reader: Path) -> None:
    # A quarter of the labels are wrong, so that a network which is sure of its answers is too sure.
    images, texts = Rendered(_SPEC, 5).batch(0, 80)
    wrong = ["2" if number % 4 == 0 and text != "2" else text for number, text in enumerate(texts)]
    source = InMemory(images, wrong, held_out=0)
    result = slices.train_slice(tmp_path, _choice(reader, 4), source, runtime=CPU)
    temperature = _decision(result).temperature
    assert temperature is not None
    assert temperature > 1.1
    assert result.checkpoint is not None
    assert checkpoint.load(result.checkpoint).model.temperature == temperature


def test_folds_of_too_few_images_are_refused(tmp_path: Path) -> None:
    images = np.zeros((5, 24, 48), np.uint8)
    made = plan(trial=Trial(starts=(Start(),), images=16, folds=3))
    with pytest.raises(LabelError, match="too few for 3 folds"):
        slices.train_slice(tmp_path, made, InMemory(images, ["1"] * 5, held_out=0), runtime=CPU)


def test_folds_need_images_in_memory(tmp_path: Path) -> None:
    spec = Spec.make(
        width=48, height=24, lengths=PROBLEM["lengths"], charset="0123", look={"font_sizes": (16,)}
    )
    made = plan(trial=Trial(starts=(Start(),), images=16, folds=3))
    with pytest.raises(TrainingError, match="needs the images in memory"):
        slices.train_slice(tmp_path, made, Rendered(spec), runtime=CPU)
