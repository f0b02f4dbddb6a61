"""Self-training in rounds: what is learnt, what ends it, and that it survives being cut."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_core.errors import TrainingError, UnfinishedRunError
from captcha_core.inputs import Source, find_source
from captcha_core.networks import checkpoint
from captcha_core.spec import Spec
from captcha_core.training import (
    InMemory,
    Rendered,
    RunFolder,
    TrainingPlan,
    findings,
    history,
    rounds,
    run_folder,
    slices,
    state,
)
from captcha_core.training.plan import SelfTraining, Start, Trial
from captcha_core.training.run_folder import NotOwnerError
from captcha_core.training.slices import SliceResult
from captcha_core.training.validation import validate
from tests.unit.training.test_slices import CPU, plan, weights

_LOOK = {"font_sizes": (22, 26), "noise_dots": 4, "noise_curve": False, "character_rotate": (-10, 10)}
_SPEC = Spec.make(width=60, height=32, lengths=(1, 2), charset="0123456", look=_LOOK)
_ALL = SelfTraining(rounds=2, confidence=0, copies=0)  # keeps whatever a network reads


def _noise(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 24, 48), np.uint8)


@pytest.fixture
def labelled() -> InMemory:
    texts = ["1", "23", "0", "31"] * 10
    return InMemory(_noise(40, 1), texts, 5, held_out=0.25, files=[f"{n}.png" for n in range(40)])


@pytest.fixture
def inputs(tmp_path: Path) -> Source:
    folder = tmp_path / "images"
    folder.mkdir()
    for number, image in enumerate(_noise(30, 2)):
        Image.fromarray(image).save(folder / f"{number}.png")
    return find_source(str(folder))


def _in_slices(run: Path, made: TrainingPlan, source: InMemory, inputs: Source) -> list[SliceResult]:
    """Go on in slices of no time at all."""
    results = []
    for _ in range(500):
        results.append(rounds.train_slice(run, made, source, inputs, 0.0, runtime=CPU))
        if results[-1].finished:
            return results
    raise AssertionError("the run does not end")


@pytest.mark.slow
def test_rounds_in_slices_end_with_the_bits_of_uncut_ones(
    tmp_path: Path, labelled: InMemory, inputs: Source
) -> None:
    made = plan(self_training=_ALL, images=16 * 6)
    uncut = rounds.train_slice(tmp_path / "uncut", made, labelled, inputs, runtime=CPU)
    cut = _in_slices(tmp_path / "cut", made, labelled, inputs)
    assert weights(uncut.checkpoint) == weights(cut[-1].checkpoint)
    # A slice without time takes one step of training, or reads one part, and is done.
    images = [result.images for result in cut]
    assert all(after - before <= 16 for before, after in itertools.pairwise(images))
    spent = [result.spent for result in cut]
    assert spent == sorted(spent)
    assert spent[-1] == 1
    assert {result.round for result in cut} >= {0, 1}


def test_a_slice_reads_one_part_at_a_time_when_it_has_no_time(
    tmp_path: Path, labelled: InMemory, inputs: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captcha_core.training.unlabelled._A_PART", 10)
    made = plan(self_training=_ALL, images=16)
    run = tmp_path / "run"
    rounds.train_slice(run, made, labelled, inputs, 0.0, runtime=CPU)
    for parts in (1, 2, 3):
        rounds.train_slice(run, made, labelled, inputs, 0.0, runtime=CPU)
        assert len(list((run / "round-1").glob("read-*"))) == parts
        assert len(list(run.glob("unlabelled-0*"))) == parts


def test_a_damaged_record_of_a_round_is_named(tmp_path: Path, labelled: InMemory, inputs: Source) -> None:
    made = plan(self_training=_ALL, images=16)
    run = tmp_path / "run"
    for _ in range(2):
        rounds.train_slice(run, made, labelled, inputs, 0.0, runtime=CPU)
    record = run / "round-0" / "judged" / "judged.json"
    record.write_text(record.read_text()[:-9])
    with pytest.raises(TrainingError, match=r"judged\.json is damaged"):
        rounds.train_slice(run, made, labelled, inputs, 0.0, runtime=CPU)


@pytest.mark.slow
def test_a_killed_round_goes_on_from_what_it_has(tmp_path: Path, labelled: InMemory, inputs: Source) -> None:
    made = plan(self_training=_ALL, images=16 * 6)
    run = tmp_path / "run"

    class PowerCutError(Exception):
        pass

    def cut_off(progress: object) -> None:
        raise PowerCutError

    rounds.train_slice(run, made, labelled, inputs, 100.0, runtime=CPU)  # round 0
    with pytest.raises(PowerCutError):  # once the images are read
        rounds.train_slice(run, made, labelled, inputs, 100.0, report=cut_off, runtime=CPU)
    times = {path: path.stat().st_mtime_ns for path in run.rglob("read.json")}
    assert times
    ended = rounds.train_slice(run, made, labelled, inputs, runtime=CPU)
    assert times.items() <= {path: path.stat().st_mtime_ns for path in run.rglob("read.json")}.items()
    whole = rounds.train_slice(tmp_path / "whole", made, labelled, inputs, runtime=CPU)
    assert weights(ended.checkpoint) == weights(whole.checkpoint)


def test_what_nobody_is_sure_of_is_not_learnt(tmp_path: Path, labelled: InMemory, inputs: Source) -> None:
    made = plan(self_training=SelfTraining(confidence=1.0), images=16 * 3)
    result = rounds.train_slice(tmp_path / "run", made, labelled, inputs, runtime=CPU)
    assert result.checkpoint is not None
    model = checkpoint.describe(result.checkpoint)
    assert [judged["round"] for judged in model.training["rounds"]] == [0]
    assert model.training["best_round"] == 0
    assert not (tmp_path / "run" / "round-1" / run_folder.CHECKPOINT).exists()
    # The last training has learnt all labels, the held-out ones included.
    alone = slices.train_slice(tmp_path / "alone", plan(images=16 * 3), labelled.whole(), runtime=CPU)
    assert weights(result.checkpoint) == weights(alone.checkpoint)


@pytest.mark.slow
def test_rounds_end_with_the_first_that_is_worse_and_as_many_as_were_best_follow_with_all_labels(
    tmp_path: Path, labelled: InMemory, inputs: Source
) -> None:
    made = plan(self_training=_ALL.model_copy(update={"rounds": 5}), images=16 * 4)
    result = rounds.train_slice(tmp_path / "run", made, labelled, inputs, runtime=CPU)
    assert result.checkpoint is not None
    training = checkpoint.describe(result.checkpoint).training
    judged = [rounds.Judged.model_validate(fields) for fields in training["rounds"]]
    best = judged[training["best_round"]]
    assert best.wrong == min(other.wrong for other in judged)
    assert all(other.wrong > best.wrong for other in judged[best.round + 1 :])
    assert len(judged) == 6 or judged[-1].wrong > best.wrong
    trained = [path.name for path in run_folder.rounds(tmp_path / "run") if list(path.glob("state-*"))]
    assert trained == [
        *(f"round-{number}" for number in range(len(judged))),
        *(f"round-all-{number}" for number in range(best.round + 1)),
    ]
    assert result.accuracy == 1 - best.wrong / best.held_out
    assert training["plan_digest"] == made.digest
    assert training["plan"]["self_training"]["rounds"] == 5


def test_self_training_reads_more_and_keeps_what_is_right(tmp_path: Path) -> None:
    images, texts = Rendered(_SPEC, 5).batch(0, 300)
    folder = tmp_path / "images"
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number}.png")
    (folder / "damaged.png").write_bytes(b"x")
    source = InMemory(*Rendered(_SPEC, 2).batch(0, 24), held_out=0.4)
    Image.fromarray(source.held_out(1)[0][0, :, :, 0]).save(folder / "held-out.png")
    made = TrainingPlan.make(
        problem={"charset": "0123456", "lengths": (1, 2), "size": (60, 32)},
        settings={"channels": (8, 16, 24, 32), "column": 4},
        batch=32,
        images=4_000,
        rate=8e-3,
        average=0.99,
        augmentation={"rotation": 4, "scale": 0.1, "shear": 0.1},
        self_training=SelfTraining(rounds=1),
    )
    run = tmp_path / "run"
    result = rounds.train_slice(run, made, source, find_source(str(folder)), runtime=CPU)
    alone = slices.train_slice(
        tmp_path / "alone", made.model_copy(update={"self_training": None}), source.whole(), runtime=CPU
    )
    unseen = Rendered(_SPEC, 77).batch(0, 300)

    def accuracy(trained: SliceResult) -> float:
        assert trained.checkpoint is not None
        loaded = checkpoint.load(trained.checkpoint)
        return validate(loaded.network(), loaded.codec, unseen, made, CPU.device).accuracy or 0.0

    assert 1 - accuracy(result) < 0.75 * (1 - accuracy(alone))
    assert result.checkpoint is not None
    result_findings = findings.read(run, checkpoint.describe(result.checkpoint), str(tmp_path / "ours"))
    figures = result_findings.figures["unlabelled"]
    assert (figures["images"], figures["unreadable"], figures["duplicates"]) == (302, 1, 1)
    result_findings.publish(overwrite=False)
    rows = [line.split(",") for line in (tmp_path / "ours.unlabelled.csv").read_text().splitlines()[1:]]
    best = str(result_findings.figures["best_round"])
    kept = [row for row in rows if row[4] == best and row[5] == "kept"]
    assert len(kept) == figures["kept"] > 50
    right = sum(texts[int(row[0].partition(".")[0])] == row[1] for row in kept)
    assert right >= 0.9 * len(kept)
    assert sum(row[4] == "1" for row in rows) == 300


def test_all_rounds_start_where_the_trial_chose(tmp_path: Path, labelled: InMemory, inputs: Source) -> None:
    trial = Trial(starts=(Start(rate=1e-4), Start(rate=2e-3)), images=32, folds=2)
    made = plan(self_training=_ALL, images=32, trial=trial)
    result = rounds.train_slice(tmp_path / "run", made, labelled, inputs, runtime=CPU)
    assert result.checkpoint is not None
    training = checkpoint.describe(result.checkpoint).training
    decision = state.Decision.model_validate(training["trial"])
    for name in ("round-1", "round-all-0"):
        path = tmp_path / "run" / name / run_folder.CHECKPOINT
        own = checkpoint.describe(path).training["plan"]
        assert (own["rate"], own.get("trial")) == (decision.starts[decision.chosen].rate, None)


def test_labels_must_be_held_out(tmp_path: Path, inputs: Source) -> None:
    source = InMemory(_noise(4, 1), ["1", "2", "3", "0"], held_out=0.0)
    with pytest.raises(TrainingError, match="no labels are held out"):
        rounds.train_slice(tmp_path / "run", plan(self_training=_ALL), source, inputs, runtime=CPU)


def test_another_runs_folder_is_left_alone(tmp_path: Path, labelled: InMemory, inputs: Source) -> None:
    RunFolder(tmp_path / "run", "other").begin({"plan": {}})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(NotOwnerError):
        rounds.train_slice(
            RunFolder(tmp_path / "run", "mine"), plan(self_training=_ALL), labelled, inputs, runtime=CPU
        )
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_a_run_that_has_begun_a_round_is_not_replaced_and_is_removed_when_it_is_done(
    tmp_path: Path, labelled: InMemory, inputs: Source
) -> None:
    folder = RunFolder(tmp_path / "run", "mine")
    folder.begin({"plan": {}})
    made = plan(self_training=_ALL, images=16 * 4)
    rounds.train_slice(folder, made, labelled, inputs, 0.0, runtime=CPU)
    with pytest.raises(UnfinishedRunError):
        run_folder.check_free(folder.path)
    assert history.reached(folder.path, made) == (16, pytest.approx(1 / 24))
    assert len(history.read(str(folder.path))) == 1
    while not rounds.train_slice(folder, made, labelled, inputs, 0.0, runtime=CPU).finished:
        pass
    assert history.reached(folder.path, made)[0] >= 2 * 64
    folder.remove()
    assert not folder.path.exists()
