import itertools

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from captcha_core.training import InMemory, TrainingPlan, loop, slices
from captcha_core.training.events import SliceEvents

BATCH = 8


@pytest.fixture
def plan():
    return TrainingPlan.make(
        problem={"charset": "01", "lengths": (1, 1), "size": (48, 24)},
        settings={"channels": (4, 4, 4, 4)},
        batch=BATCH,
        images=BATCH * 12,
        validation=10,
    )


@pytest.fixture
def source():
    images = np.random.default_rng(0).integers(0, 256, (40, 24, 48), dtype=np.uint8)
    return InMemory(images, ["0", "1"] * 20)


def progress(images, loss):
    return loop.Progress(
        step=images // BATCH, images=images, seconds=1.0, spent=0.1, loss=loss, rate=0.01, speed=500.0
    )


def run_slice(run, plan, source, folder, start, steps, told=()):
    """Train and write events as a worker does; returns where the slice ended."""
    calls = itertools.count()
    events = SliceEvents(folder, start, start * BATCH)
    for each in told:
        events.note(each)
    result = slices.train_slice(
        run, plan, source, start, stop=lambda: next(calls) >= steps,
        report=events.note, runtime=slices.Runtime(torch.device("cpu")),
    )  # fmt: skip
    events.write(result, plan)
    return result.step


def scalars(folder, tag):
    found = EventAccumulator(str(folder))
    found.Reload()
    return [(event.step, event.value) for event in found.Scalars(tag)]


def test_slices_become_one_curve_over_the_images_seen(tmp_path, plan, source):
    told = [progress(BATCH * 2, 0.75)]
    first = run_slice(tmp_path / "run", plan, source, tmp_path / "events", 0, 4, told)
    run_slice(tmp_path / "run", plan, source, tmp_path / "events", first, 4)
    assert [step for step, _ in scalars(tmp_path / "events", "accuracy")] == [BATCH * 4, BATCH * 8]
    losses = scalars(tmp_path / "events", "loss")
    assert [step for step, _ in losses] == [BATCH * 2, BATCH * 4, BATCH * 8]
    assert losses[0][1] == 0.75
    rates = dict(scalars(tmp_path / "events", "rate"))
    assert rates[BATCH * 8] == pytest.approx(plan.rate_at(8 / 12))
    assert scalars(tmp_path / "events", "images per second") == [(BATCH * 2, 500.0)]


def test_a_slice_that_runs_twice_leaves_each_point_once(tmp_path, plan, source):
    run, folder = tmp_path / "run", tmp_path / "events"
    first = run_slice(run, plan, source, folder, 0, 4)
    run_slice(run, plan, source, folder, first, 5)
    again = run_slice(run, plan, source, folder, first, 3)
    last = run_slice(run, plan, source, folder, again, 9)
    images = [BATCH * step for step in (first, again, last)]
    assert [step for step, _ in scalars(folder, "accuracy")] == images
    assert [step for step, _ in scalars(folder, "loss")] == images


def test_a_late_twin_that_went_further_is_forgotten(tmp_path, plan, source):
    run, folder = tmp_path / "run", tmp_path / "events"
    first = run_slice(run, plan, source, folder, 0, 4)
    second = run_slice(run, plan, source, folder, first, 3)
    twin = [progress(BATCH * 5, 1.0), progress(BATCH * 9, 9.0)]
    run_slice(run, plan, source, folder, first, 6, twin)
    last = run_slice(run, plan, source, folder, second, 4)
    losses = scalars(folder, "loss")
    assert [step for step, _ in losses] == [BATCH * step for step in (4, 5, last)]
    assert losses[1][1] == 1.0


def test_nothing_but_event_files_is_left(tmp_path, plan, source):
    run_slice(tmp_path / "run", plan, source, tmp_path / "events", 0, 4)
    assert [path.name for path in (tmp_path / "events").iterdir()] == ["events.out.tfevents.000000000"]
