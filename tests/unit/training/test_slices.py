import itertools
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from captcha_core.engines.torch_engine import TorchEngine
from captcha_core.errors import CheckpointError, LabelError, TrainingError
from captcha_core.evaluation import Evaluation
from captcha_core.networks import checkpoint
from captcha_core.solving.solver import Solver
from captcha_core.spec import Spec
from captcha_core.training import (
    InMemory,
    Rendered,
    RunFolder,
    TrainingPlan,
    calibration,
    slices,
    state,
    validation,
)

PROBLEM = {"charset": "0123", "lengths": (1, 2), "size": (48, 24)}
CPU = slices.Runtime(torch.device("cpu"))


def plan(**fields):
    basis = {
        "problem": PROBLEM,
        "settings": {"channels": (4, 8, 8, 8), "dropout": 0.1},
        "augmentation": {},
        "batch": 16,
        "images": 16 * 25,
        "validation": 20,
    }
    return TrainingPlan.make(**(basis | fields))


@pytest.fixture(scope="module")
def source():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("0123"), rng.integers(1, 3))) for _ in range(200)]
    return InMemory(rng.integers(0, 256, (200, 24, 48), dtype=np.uint8), texts)


def after(steps):
    """A `stop` that lets so many steps pass."""
    calls = itertools.count()
    return lambda: next(calls) >= steps


def train(run, made, source, cut):
    result = slices.train_slice(run, made, source, stop=after(cut), runtime=CPU)
    while not result.finished:
        result = slices.train_slice(run, made, source, result.step, stop=after(cut), runtime=CPU)
    return result


def weights(folder):
    return {name: array.tobytes() for name, array in checkpoint.load(folder).weights.items()}


@pytest.mark.parametrize("name", ["ctc", "heads", "vgg"])
def test_five_slices_end_with_the_bits_of_an_uncut_run(tmp_path, source, name):
    fields = {"architecture": name}
    used = source
    if name == "vgg":
        fields |= {"settings": {}, "problem": PROBLEM | {"size": (76, 76)}, "batch": 4, "images": 4 * 10}
        images = np.random.default_rng(1).integers(0, 256, (40, 76, 76), dtype=np.uint8)
        used = InMemory(images, ["01", "2", "3", "30"] * 10)
    made = plan(**fields)
    steps = made.images // made.batch
    uncut = train(tmp_path / "uncut", made, used, 10**6)
    cut = train(tmp_path / "cut", made, used, steps // 5)
    assert uncut.step == cut.step == steps
    assert weights(uncut.checkpoint) == weights(cut.checkpoint)
    first, second = (checkpoint.load(end.checkpoint).model for end in (uncut, cut))
    assert first.temperature == second.temperature
    history = second.training["history"]
    assert [moment["step"] for moment in history] == [steps // 5 * n for n in range(1, 6)]


def test_a_slice_that_crashed_is_done_again_with_the_same_end(tmp_path, source):
    whole = train(tmp_path / "whole", plan(), source, 10)
    first = slices.train_slice(tmp_path / "run", plan(), source, stop=after(10), runtime=CPU)

    class PowerCutError(Exception):
        pass

    calls = itertools.count()

    def cut_off():
        if next(calls) == 7:
            raise PowerCutError
        return False

    with pytest.raises(PowerCutError):
        slices.train_slice(tmp_path / "run", plan(), source, first.step, stop=cut_off, runtime=CPU)
    assert state.steps(tmp_path / "run") == [first.step]
    result = slices.train_slice(tmp_path / "run", plan(), source, first.step, runtime=CPU)
    assert result.finished
    assert weights(result.checkpoint) == weights(whole.checkpoint)


def test_a_late_twin_hurts_nothing(tmp_path, source):
    first = slices.train_slice(tmp_path, plan(), source, stop=after(5), runtime=CPU)
    second = slices.train_slice(tmp_path, plan(), source, first.step, stop=after(5), runtime=CPU)
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    twin = slices.train_slice(tmp_path, plan(), source, first.step, stop=after(3), runtime=CPU)
    same = slices.train_slice(tmp_path, plan(), source, first.step, stop=after(5), runtime=CPU)
    assert (twin.step, same.step) == (8, second.step)
    assert all(path.read_bytes() == data for path, data in kept.items())
    third = slices.train_slice(tmp_path, plan(), source, second.step, stop=after(5), runtime=CPU)
    assert state.steps(tmp_path) == [second.step, third.step]
    with pytest.raises(state.StateGoneError, match="no state after step 5"):
        slices.train_slice(tmp_path, plan(), source, first.step, runtime=CPU)


def test_a_finished_run_stays_finished(tmp_path, source):
    result = train(tmp_path, plan(), source, 10**6)
    before = weights(result.checkpoint)
    again = slices.train_slice(tmp_path, plan(), source, result.step, runtime=CPU)
    assert again.finished
    assert (again.step, again.checkpoint) == (result.step, result.checkpoint)
    shutil.rmtree(result.checkpoint)  # lost between the state and the checkpoint
    assert slices.train_slice(tmp_path, plan(), source, result.step, runtime=CPU).finished
    assert weights(result.checkpoint) == before


def test_a_time_budget_finishes_by_the_clock(tmp_path, source):
    made = plan(images=None, seconds=0.5)
    result = slices.train_slice(tmp_path, made, source, max_seconds=0.2, runtime=CPU)
    while not result.finished:
        result = slices.train_slice(tmp_path, made, source, result.step, max_seconds=0.2, runtime=CPU)
    assert result.seconds >= 0.5
    assert checkpoint.load(result.checkpoint).model.training["images"] == result.images


def test_a_slice_of_no_time_takes_one_step(tmp_path, source):
    assert slices.train_slice(tmp_path, plan(), source, max_seconds=0, runtime=CPU).step == 1


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_state(tmp_path, source):
    made = plan(rate=1.0, clip=1e9, settings={"channels": (4, 8, 8, 8)})
    first = slices.train_slice(tmp_path, made, source, stop=after(2), runtime=CPU)
    record, tensors = state.load(tmp_path, first.step, made.digest)
    broken = {
        name: array * np.float32("inf") if name == "network/head.weight" else array
        for name, array in tensors.items()
    }
    shutil.rmtree(state.folder(tmp_path, first.step))
    state.save(RunFolder(tmp_path), record, broken)
    with pytest.raises(TrainingError, match="no longer finite"):
        slices.train_slice(tmp_path, made, source, first.step, runtime=CPU)
    assert state.steps(tmp_path) == [first.step]
    assert not (tmp_path / "checkpoint").exists()


def test_labels_are_checked_before_the_first_step(tmp_path):
    source = InMemory(np.zeros((4, 24, 48), np.uint8), ["0", "1", "9", "0123"])
    with pytest.raises(LabelError, match="2 labels"):
        slices.train_slice(tmp_path, plan(), source, runtime=CPU)
    assert not list(tmp_path.iterdir())


def test_images_of_another_size_are_refused(tmp_path):
    source = InMemory(np.zeros((4, 20, 48), np.uint8), ["0"] * 4)
    with pytest.raises(TrainingError, match="48×20 and the network's input is 48×24"):
        slices.train_slice(tmp_path, plan(), source, runtime=CPU)


def test_another_plan_does_not_continue_a_run(tmp_path, source):
    first = slices.train_slice(tmp_path, plan(), source, stop=after(2), runtime=CPU)
    with pytest.raises(TrainingError, match="another plan"):
        slices.train_slice(tmp_path, plan(seed=1), source, first.step, runtime=CPU)


@pytest.mark.parametrize("name", ["state.safetensors", "state.json"])
def test_a_damaged_state_is_noticed(tmp_path, source, name):
    first = slices.train_slice(tmp_path, plan(), source, stop=after(2), runtime=CPU)
    path = state.folder(tmp_path, first.step) / name
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(TrainingError, match=r"damaged|unreadable"):
        slices.train_slice(tmp_path, plan(), source, first.step, runtime=CPU)


def test_a_state_is_no_pickle_and_a_run_can_be_exported_before_its_end(tmp_path, source):
    first = slices.train_slice(tmp_path, plan(), source, stop=after(4), runtime=CPU)
    files = sorted(path.name for path in state.folder(tmp_path, first.step).iterdir())
    assert files == ["state.json", "state.safetensors"]
    target = slices.export(
        tmp_path, plan(), source, first.step, tmp_path / "early", {"command": "capq train"}
    )
    training = checkpoint.load(target).model.training
    assert (training["step"], training["command"]) == (4, "capq train")
    json.dumps(training)


def test_the_moving_average_follows_the_weights(tmp_path, source):
    made = plan(average=0.5)
    slices.train_slice(tmp_path, made, source, stop=after(1), runtime=CPU)
    _, one = state.load(tmp_path, 1, made.digest)
    slices.train_slice(tmp_path, made, source, 1, stop=after(1), runtime=CPU)
    _, two = state.load(tmp_path, 2, made.digest)
    for name in ("head.weight", "trunk.stages.0.norm.running_mean"):
        share = 1 - made.average_decay(1)
        expected = one[f"average/{name}"] * (1 - share) + two[f"network/{name}"] * share
        np.testing.assert_allclose(two[f"average/{name}"], expected, rtol=1e-5, atol=1e-7)


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    folder = tmp_path_factory.mktemp("old")
    rng = np.random.default_rng(0)
    source = InMemory(rng.integers(0, 256, (50, 24, 48), dtype=np.uint8), ["0", "12"] * 25)
    return train(folder, plan(images=16 * 3), source, 10**6).checkpoint


class TestStartingFromAnotherNetwork:
    def first_state(self, run, made, source):
        slices.train_slice(run, made, source, stop=after(1), runtime=CPU)
        return state.load(run, 1, made.digest)[1]

    def test_the_trunk_is_kept_and_a_head_of_other_characters_is_not(self, tmp_path, old):
        images = np.random.default_rng(0).integers(0, 256, (20, 24, 48), dtype=np.uint8)
        made = plan(initial=str(old), problem=PROBLEM | {"charset": "ABCDEF"}, rate=1e-9)
        tensors = self.first_state(tmp_path, made, InMemory(images, ["AB", "F"] * 10))
        before = checkpoint.load(old).weights
        name = "trunk.stages.1.convolution.weight"
        np.testing.assert_allclose(tensors[f"network/{name}"], before[name], atol=1e-6)
        assert tensors["network/head.weight"].shape == (7, 8)

    def test_a_ctc_head_keeps_the_characters_that_both_know(self, tmp_path, old):
        images = np.random.default_rng(0).integers(0, 256, (20, 24, 48), dtype=np.uint8)
        made = plan(initial=str(old), problem=PROBLEM | {"charset": "A20"}, rate=1e-9)
        head = self.first_state(tmp_path, made, InMemory(images, ["A0", "2"] * 10))["network/head.weight"]
        before = checkpoint.load(old).weights["head.weight"]
        np.testing.assert_allclose(head[[0, 2, 3]], before[[0, 3, 1]], atol=1e-6)
        assert not np.allclose(head[1], before[1], atol=1e-3)

    def test_a_character_of_one_case_gets_the_mean_of_both(self, tmp_path):
        images = np.random.default_rng(0).integers(0, 256, (20, 24, 48), dtype=np.uint8)
        cased = plan(problem=PROBLEM | {"charset": "aAb"}, images=16)
        first = train(tmp_path / "cased", cased, InMemory(images, ["aA", "b"] * 10), 10**6).checkpoint
        before = checkpoint.load(first).weights["head.weight"]
        made = plan(initial=str(first), problem=PROBLEM | {"charset": "ABc"}, rate=1e-9)
        head = self.first_state(tmp_path / "upper", made, InMemory(images, ["AB", "c"] * 10))
        np.testing.assert_allclose(head["network/head.weight"][1], before[1:3].mean(0), atol=1e-6)
        np.testing.assert_allclose(head["network/head.weight"][2], before[3], atol=1e-6)
        both = plan(initial=str(first), problem=PROBLEM | {"charset": "Aab"}, rate=1e-9)
        head = self.first_state(tmp_path / "both", both, InMemory(images, ["aA", "b"] * 10))
        np.testing.assert_allclose(head["network/head.weight"][1:], before[[2, 1, 3]], atol=1e-6)

    def test_a_run_cut_in_slices_tells_where_it_began_and_needs_it_no_more(self, tmp_path, old, source):
        moved = tmp_path / "old"
        shutil.copytree(old, moved)
        made = plan(initial=str(moved), images=16 * 4)
        first = slices.train_slice(tmp_path / "run", made, source, stop=after(2), runtime=CPU)
        shutil.rmtree(moved)
        ended = slices.train_slice(tmp_path / "run", made, source, first.step, runtime=CPU)
        training = checkpoint.load(ended.checkpoint).model.training
        assert TrainingPlan.model_validate(training["plan"]) == made
        assert training["plan_digest"] == made.digest

    def test_all_is_kept_where_all_fits(self, tmp_path, old, source):
        tensors = self.first_state(tmp_path, plan(initial=str(old), rate=1e-9), source)
        before = checkpoint.load(old).weights
        np.testing.assert_allclose(tensors["network/head.weight"], before["head.weight"], atol=1e-6)

    def test_another_height_costs_one_layer(self, tmp_path, old):
        images = np.random.default_rng(0).integers(0, 256, (20, 60, 48), dtype=np.uint8)
        made = plan(initial=str(old), problem=PROBLEM | {"size": (48, 60)}, rate=1e-9)
        tensors = self.first_state(tmp_path, made, InMemory(images, ["01", "2"] * 10))
        before = checkpoint.load(old).weights
        np.testing.assert_allclose(tensors["network/head.weight"], before["head.weight"], atol=1e-6)

    def test_another_architecture_is_refused(self, tmp_path, old, source):
        with pytest.raises(CheckpointError, match="'ctc', and the plan says 'heads'"):
            slices.train_slice(tmp_path, plan(initial=str(old), architecture="heads"), source, runtime=CPU)


def test_a_tiny_network_learns_to_read_digits(tmp_path):
    look = {"font_sizes": (22, 26), "noise_dots": 4, "noise_curve": False, "character_rotate": (-10, 10)}
    spec = Spec.make(width=60, height=32, lengths=(1, 2), charset="012", look=look)
    made = TrainingPlan.make(
        problem={"charset": "012", "lengths": (1, 2), "size": (60, 32)},
        settings={"channels": (8, 16, 24, 32), "column": 4},
        batch=32,
        images=6_400,
        rate=8e-3,
        validation=200,
    )
    said = []
    result = slices.train_slice(tmp_path, made, Rendered(spec, 1), report=said.append, runtime=CPU)
    assert result.accuracy > 0.8
    images, texts = Rendered(spec, 2).batch(0, 200)
    readings = Solver.load(result.checkpoint, "cpu").read(images)
    right = sum(reading.text == text for reading, text in zip(readings, texts, strict=True))
    assert right > 160
    assert all(0 <= progress.spent <= 1 for progress in said)


@pytest.fixture(scope="module")
def by_heart(tmp_path_factory):
    """A network that knows 200 images by heart, and others: 400 held out, 1,000 more."""
    look = {"font_sizes": (22, 26), "noise_dots": 20, "noise_curve": False, "character_rotate": (-30, 30)}
    spec = Spec.make(width=60, height=32, lengths=(1, 2), charset="0123456789ABCDEF", look=look)
    made = TrainingPlan.make(
        problem={"charset": spec.charset, "lengths": (1, 2), "size": (60, 32)},
        settings={"channels": (8, 16, 24, 32), "column": 4, "dropout": 0},
        batch=25,
        images=12_000,
        rate=8e-3,
    )
    images, texts = Rendered(spec, 1).batch(0, 600)
    source = InMemory(images, texts, held_out=np.arange(200, 600))
    result = slices.train_slice(tmp_path_factory.mktemp("by-heart"), made, source, runtime=CPU)
    return made, source, result, Rendered(spec, 2).batch(0, 1000)


def test_a_finished_run_is_calibrated_on_its_held_out_images(by_heart):
    _, _, result, (images, texts) = by_heart
    found = checkpoint.load(result.checkpoint)
    assert found.model.temperature > 1.2
    plain = checkpoint.Checkpoint(found.model.model_copy(update={"temperature": 1.0}), found.weights)
    ends = []
    for each in (plain, found):
        readings = Solver(each, TorchEngine(each, "cpu")).read(images)
        ends.append(
            ([reading.text for reading in readings], Evaluation.count(zip(texts, readings, strict=True)))
        )
    (before, uncalibrated), (after, calibrated) = ends
    assert before == after
    assert calibrated.calibration_error() < uncalibrated.calibration_error() / 2


def test_few_held_out_images_leave_the_logits_as_they_are(tmp_path, source):
    result = train(tmp_path, plan(), source, 10**6)  # 20 of them
    assert checkpoint.load(result.checkpoint).model.temperature == 1


def test_held_out_logits_are_kept_as_far_as_calibration_wants_them(by_heart):
    made, source, result, _ = by_heart
    found = checkpoint.load(result.checkpoint)
    images, texts = source.held_out(150)
    few = validation.validate(found.network(), found.codec, (images, texts), made, torch.device("cpu"))
    assert (len(few.logits), few.texts) == (150, texts)
    most = calibration.enough(few.logits[0].size)
    times = most // 150 + 2  # more than that, and the last batch in part
    batch = np.concatenate([images] * times), texts * times
    many = validation.validate(found.network(), found.codec, batch, made, torch.device("cpu"))
    assert many.accuracy == few.accuracy
    assert many.texts == batch[1][:most]
    np.testing.assert_allclose(many.logits, np.concatenate([few.logits] * times)[:most], atol=1e-4)
    nothing = validation.validate(found.network(), found.codec, (images[:0], []), made, torch.device("cpu"))
    assert (nothing.accuracy, nothing.texts, len(nothing.logits)) == (None, [], 0)


def test_training_goes_on_where_compiling_does_not_work(tmp_path):
    """For real: a process whose C++ compiler is not there."""
    script = """
import logging, pathlib, sys
import numpy as np, torch
from captcha_core.networks import checkpoint
from captcha_core.training import InMemory, TrainingPlan, slices

logging.basicConfig(format="%(name)s: %(message)s")
made = TrainingPlan.make(
    problem={"charset": "01", "lengths": (1, 2), "size": (48, 24)},
    settings={"channels": (4, 8, 8, 8)},
    batch=8,
    images=40,
)
images = np.random.default_rng(0).integers(0, 256, (40, 24, 48), dtype=np.uint8)
ends = []
for name, compiled in (("plain", False), ("compiled", True)):
    source = InMemory(images, ["01", "1"] * 20)
    runtime = slices.Runtime(torch.device("cpu"), compiled=compiled)
    run = pathlib.Path(sys.argv[1]) / name
    result = slices.train_slice(run, made, source, runtime=runtime)
    assert result.finished and result.step == 5
    ends.append(checkpoint.load(result.checkpoint).weights)
assert all((ends[0][name] == ends[1][name]).all() for name in ends[0])
"""
    environment = os.environ | {
        "CXX": "/nonexistent",
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    answer = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert "torch.compile does not work here, training goes on without it" in answer.stderr
    assert "/nonexistent" in answer.stderr
