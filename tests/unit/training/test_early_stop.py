"""Early stopping: runs that learn nothing more end, with the weights that read best."""

from pathlib import Path

import numpy as np
import torch

from captcha_core.networks import checkpoint
from captcha_core.training import InMemory, TrainingPlan, slices, state, validation
from captcha_core.training.plan import EarlyStop
from tests.unit.training.test_slices import CPU, plan, train, weights


def _noise(count: int = 200) -> InMemory:
    """Images that say nothing about their labels: what is learnt by heart helps with no other image."""
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("0123"), rng.integers(1, 3))) for _ in range(count)]
    return InMemory(rng.integers(0, 256, (count, 24, 48), dtype=np.uint8), texts, held_out=0.2)


def _hopeless(**fields: object) -> TrainingPlan:
    rule = EarlyStop(images=64, patience=3)
    return plan(images=16 * 1000, early_stop=rule, augmentation=None, average=0.9, **fields)


def test_a_run_that_learns_nothing_more_ends_long_before_its_budget(tmp_path: Path) -> None:
    result = slices.train_slice(tmp_path, _hopeless(), _noise(), runtime=CPU)
    assert result.finished
    assert result.spent == 1
    assert result.step < 500
    record = state.describe(tmp_path, result.step)
    assert record.best is not None
    assert record.best.looks_since == 3
    assert result.step == record.best.step + 3 * 4  # four steps of 16 between two looks


def test_the_checkpoint_gets_the_weights_that_read_best(tmp_path: Path) -> None:
    source = _noise()
    made = _hopeless()
    result = slices.train_slice(tmp_path, made, source, runtime=CPU)
    best = state.describe(tmp_path, result.step).best
    assert best is not None
    assert result.checkpoint is not None
    found = checkpoint.load(result.checkpoint)
    seen = validation.validate(
        found.network(), found.codec, source.held_out(made.validation), made, torch.device("cpu")
    )
    assert seen.wrong == best.wrong
    assert seen.accuracy == result.accuracy
    assert found.model.training["best_step"] == best.step


def test_slices_stop_where_an_uncut_run_stops(tmp_path: Path) -> None:
    source, made = _noise(), _hopeless()
    uncut = train(tmp_path / "uncut", made, source, 10**6)
    cut = train(tmp_path / "cut", made, source, 7)
    assert uncut.step == cut.step
    assert weights(uncut.checkpoint) == weights(cut.checkpoint)
    again = slices.train_slice(tmp_path / "cut", made, source, cut.step, runtime=CPU)
    assert again.finished
    assert again.step == cut.step


def test_without_held_out_images_a_run_goes_on_to_its_end(tmp_path: Path) -> None:
    images, texts = _noise().batch(0, 40)
    made = plan(early_stop=EarlyStop(images=16, patience=1))
    result = slices.train_slice(tmp_path, made, InMemory(images, texts, held_out=0), runtime=CPU)
    assert result.step == 25


def test_the_last_step_is_looked_at_too(tmp_path: Path) -> None:
    made = plan(early_stop=EarlyStop(images=16 * 20, patience=9))  # steps 20 and, the last one, 25
    result = slices.train_slice(tmp_path, made, _noise(), runtime=CPU)
    best = state.describe(tmp_path, result.step).best
    assert best is not None
    assert (best.step, best.looks_since) in {(20, 1), (25, 0)}
