"""A plan's fields by the options, for fresh images, a dataset or labelled images; it says what it chooses."""

from collections.abc import Sequence
from typing import Any, Literal

import click

from captcha_core.datasets import Dataset, LabelledFolder
from captcha_core.errors import counted
from captcha_core.networks import Problem
from captcha_core.training import (
    InputSize,
    choose_input,
    read_problem,
    recipe,
)
from captcha_core.training.plan import SelfTraining, Start
from captcha_core.training.recipe import Recipe
from workers.kinds.train import DatasetSource

from ..options.checkpoint import resolve_checkpoint
from ..terminal import note

DEFAULT_IMAGES = 200_000
DEFAULT_BATCH, DEFAULT_RATE = 128, 4e-3
DEFAULT_ROUNDS = 2
FROM_NOTHING = "none"


def usual_fields(problem: Problem, options: dict[str, Any]) -> dict[str, Any]:
    """Return a plan's fields where there are images enough."""
    images, seconds = options["max_images"], options["max_time"]
    initial = _initial(options)
    return {
        "problem": problem.model_dump(),
        "batch": options["batch"] or DEFAULT_BATCH,
        "images": DEFAULT_IMAGES if images is None and seconds is None else images,
        "seconds": seconds,
        "rate": options["rate"] or DEFAULT_RATE,
        "initial": initial,
        "augmentation": {} if options["augment"] else None,
        **recipe.network_of(initial),
    }


def labelled_fields(
    images: Dataset | LabelledFolder, channels: Literal[1, 3], options: dict[str, Any]
) -> tuple[DatasetSource, dict[str, Any], InputSize]:
    """Return the source, a plan's fields and the input for a dataset or a folder of labelled images."""
    url = images.folder.url
    own = choose_input(images, options["arch"])
    problem = read_problem(images, channels, own.size)
    starts = _starts(problem, options, labelled=isinstance(images, LabelledFolder))
    initial = starts[0].initial
    fitted = choose_input(images, options["arch"], resolve_checkpoint(initial)[1]) if initial else own
    problem = problem.model_copy(update={"size": fitted.size})
    source = DatasetSource(url=url)
    if not isinstance(images, LabelledFolder):
        fields = _generated(problem, options)
    elif len(images) >= recipe.FEW_LABELS_BELOW:
        fields = _many(problem, starts, options)
    else:
        source, fields = _few(url, len(images), problem, starts, options)
    return source, fields, fitted


def _few(
    url: str, labels: int, problem: Problem, starts: tuple[Start, ...], options: dict[str, Any]
) -> tuple[DatasetSource, dict[str, Any]]:
    """Return the source and a plan's fields by the recipe for few labels."""
    few = recipe.for_labels(labels, starts, trust=options["trust"], rounds=_rounds(options))
    if options["max_images"]:
        few = few.within(options["max_images"])
    fields = few.plan_fields(problem)
    if options["max_time"]:
        fields |= {"images": options["max_images"], "seconds": options["max_time"]}
    if options["max_images"] or options["max_time"]:
        fields["early_stop"] = None  # so much was asked for
    fields |= {"batch": options["batch"]} if options["batch"] else {}
    fields |= {"augmentation": {}} if options["augment"] else {}
    note(_described_recipe(few, labels))
    return DatasetSource(url=url, held_out=few.held_out), fields


def _generated(problem: Problem, options: dict[str, Any]) -> dict[str, Any]:
    """Return a plan's fields for a generated dataset."""
    if options["trust"] < 1:
        raise click.UsageError(
            "--trust is for labels that may be wrong: those of a generated dataset are true"
        )
    rounds = _rounds(options)
    return usual_fields(problem, options) | {"self_training": SelfTraining(rounds=rounds) if rounds else None}


def _many(problem: Problem, starts: tuple[Start, ...], options: dict[str, Any]) -> dict[str, Any]:
    """Return a plan's fields for labels that need no recipe."""
    fields = usual_fields(problem, options)
    images = fields["images"] or DEFAULT_IMAGES
    fields |= recipe.for_many_labels(starts, images, trust=options["trust"], rounds=_rounds(options))
    how = "" if fields["trial"] is None else _trial_text(fields["trial"].folds)
    note(f"the run starts {_described_starts(starts, how)}")
    return fields


def _rounds(options: dict[str, Any]) -> int:
    """Return how many rounds of self-training there are at most, 0 without unlabelled images."""
    return (options["rounds"] or DEFAULT_ROUNDS) if options["unlabelled"] else 0


def _starts(problem: Problem, options: dict[str, Any], *, labelled: bool) -> tuple[Start, ...]:
    """Return where the run may start from: as --init says, else for labelled images what a trial compares."""
    if options["initial"] is None and labelled:
        starts = recipe.starts_from(problem, options["arch"])
    else:
        initial = _initial(options)
        starts = (recipe.from_checkpoint(initial) if initial else recipe.from_nothing(),)
    rate = {"rate": options["rate"]} if options["rate"] else {}
    return tuple(start.model_copy(update=rate) for start in starts)


def _initial(options: dict[str, Any]) -> str | None:
    """Return the checkpoint that --init names, by the path or name that workers open it by."""
    name = options["initial"]
    if name in (None, FROM_NOTHING):
        return None
    path, model = resolve_checkpoint(name)
    if model.architecture != options["arch"]:
        raise click.UsageError(
            f"--init {name} is a {model.architecture} network, and the run trains a {options['arch']} "
            f"network: add --arch {model.architecture}, or start from another one"
        )
    return path


def _described_recipe(few: Recipe, labels: int) -> str:
    start = _described_starts(few.starts, _trial_text(few.folds) if few.trial else "")
    rounds = f"; up to {counted(few.rounds, 'round')} with unlabelled images" if few.rounds else ""
    return f"few labels ({labels:,}): each image is changed whenever it is seen; {start}{rounds}"


def _trial_text(folds: int) -> str:
    return "a short trial" if folds == 1 else f"{folds}-fold cross-validation"


def _described_starts(starts: Sequence[Start], trial: str) -> str:
    names = [start.initial or "random weights" for start in starts]
    if names[1:]:
        return f"from {' or '.join(names)}, as {trial} tells"
    return f"from {names[0]}, with {trial}" if trial else f"from {names[0]}"
