"""The recipe for few labels: what it asks of a plan, by their number and by where it may start."""

from pathlib import Path

import pytest

from captcha_core.networks import Problem, checkpoint
from captcha_core.training import TrainingPlan, recipe

PROBLEM = Problem(charset="0123ä", lengths=(3, 5), size=(100, 30))
SHIPPED = "lepture-160x60"


def _plan(labels: int, *candidates: str) -> TrainingPlan:
    starts = recipe.starts_from(PROBLEM, "ctc", candidates)
    return TrainingPlan.make(**recipe.for_labels(labels, starts).plan_fields(PROBLEM))


def test_a_network_to_start_from_is_tried_beside_random_weights() -> None:
    made = _plan(200, SHIPPED)
    assert made.trial is not None
    assert [start.initial for start in made.trial.starts] == [SHIPPED, None]
    tuned, fresh = (start.rate for start in made.trial.starts)
    assert tuned < fresh
    assert made.initial is None


def test_the_input_is_that_of_the_network_to_start_from() -> None:
    model = checkpoint.load(SHIPPED).model
    made = _plan(200, SHIPPED)
    assert made.problem.size == model.problem.size == (160, 60)
    assert (made.problem.charset, made.problem.lengths) == (PROBLEM.charset, PROBLEM.lengths)
    assert _plan(200).problem.size == PROBLEM.size


@pytest.mark.parametrize("missing", ["general-of-tomorrow", "/no/such/folder"])
def test_candidates_that_are_not_there_are_left_out(missing: str) -> None:
    made = _plan(200, missing)
    assert made.trial is None
    assert made.initial is None
    assert made.rate == recipe.from_nothing().rate


def test_candidates_of_another_kind_are_left_out() -> None:
    colour = PROBLEM.model_copy(update={"channels": 3})
    assert recipe.starts_from(colour, "ctc", [SHIPPED]) == (recipe.from_nothing(),)
    assert recipe.starts_from(PROBLEM, "heads", [SHIPPED]) == (recipe.from_nothing(),)


def test_few_labels_are_cross_validated_and_all_trained_on() -> None:
    starts = recipe.starts_from(PROBLEM, "ctc", [SHIPPED])
    for labels in (10, 50, 200):
        few = recipe.for_labels(labels, starts)
        assert few.held_out == 0
        assert few.folds == 5
        assert few.early_stop is None


def test_more_labels_are_held_out_in_part_and_end_the_run_early() -> None:
    many = recipe.for_labels(1000, recipe.starts_from(PROBLEM, "ctc", [SHIPPED]))
    assert many.held_out == 0.1
    assert many.folds == 1
    made = TrainingPlan.make(**many.plan_fields(PROBLEM))
    assert made.early_stop is not None
    assert made.images is not None
    assert made.early_stop.images * 20 <= made.images


@pytest.mark.parametrize("labels", [1, 2, 5, 10, 30, 99, 100])
def test_from_nothing_ten_labels_are_held_out_but_never_all(labels: int) -> None:
    few = recipe.for_labels(labels, [recipe.from_nothing()])
    held_out = round(few.held_out * labels)
    assert held_out < labels
    assert held_out == min(10, labels // 2) or labels < 20


@pytest.mark.parametrize("labels", [10, 30, 50, 200, 1000])
@pytest.mark.parametrize("initial", [None, SHIPPED])
def test_rounds_hold_labels_out_and_stop_early_only_where_these_are_many(
    labels: int, initial: str | None
) -> None:
    start = recipe.from_checkpoint(initial) if initial else recipe.from_nothing()
    few = recipe.for_labels(labels, [start], rounds=2)
    assert min(10, labels // 2) <= round(few.held_out * labels) < labels
    made = TrainingPlan.make(**few.plan_fields(PROBLEM))
    assert made.self_training is not None
    assert made.self_training.rounds == 2
    assert (made.early_stop is not None) == (labels >= 300)
    if made.trial is not None and made.trial.folds > 1:
        assert labels - round(few.held_out * labels) >= 2 * made.trial.folds


@pytest.mark.parametrize("initial", [None, SHIPPED])
@pytest.mark.parametrize("labels", [30, 200, 1000])
def test_a_trust_below_one_is_cross_validated_whatever_the_number_of_labels(
    labels: int, initial: str | None
) -> None:
    start = recipe.from_checkpoint(initial) if initial else recipe.from_nothing()
    made = TrainingPlan.make(**recipe.for_labels(labels, [start], trust=0.5).plan_fields(PROBLEM))
    assert made.trust == 0.5
    assert made.trial is not None
    assert made.trial.folds == 5


def test_a_recipe_without_trust_and_rounds_is_that_of_before() -> None:
    plain = recipe.for_labels(50, [recipe.from_nothing()])
    dumped = TrainingPlan.make(**plain.plan_fields(PROBLEM)).model_dump(mode="json")
    assert not {"trust", "self_training", "trial"} & {name for name, value in dumped.items() if value}


def test_one_start_is_given_without_a_trial_where_labels_are_held_out() -> None:
    many = recipe.for_labels(1000, [recipe.from_checkpoint(SHIPPED)])
    made = TrainingPlan.make(**many.plan_fields(PROBLEM))
    assert (made.initial, made.trial) == (SHIPPED, None)


def test_a_shorter_run_has_a_shorter_trial() -> None:
    few = recipe.for_labels(200, recipe.starts_from(PROBLEM, "ctc", [SHIPPED]))
    short = few.within(few.images // 10)
    assert short.trial_images == few.trial_images // 10
    assert few.within(1).trial_images == 1


def test_a_checkpoint_that_is_missing_is_named(tmp_path: Path) -> None:
    few = recipe.for_labels(200, [recipe.from_checkpoint(str(tmp_path / "gone"))])
    with pytest.raises(recipe.CheckpointError, match="gone"):
        few.plan_fields(PROBLEM)
