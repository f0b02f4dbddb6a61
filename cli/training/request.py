"""The request of a new training: where its images come from, and its plan."""

import secrets
import shlex
import sys
import time
from pathlib import Path
from typing import Any, Literal

import click

from captcha_core import rendering
from captcha_core.datasets import Dataset, LabelledFolder, LabelOptions, open_labelled
from captcha_core.errors import counted
from captcha_core.inputs import Source as Inputs
from captcha_core.inputs import find_source
from captcha_core.inputs.lists import STANDARD_INPUT
from captcha_core.inspection import inspect_labelled
from captcha_core.inspection.findings import findings
from captcha_core.networks import Problem
from captcha_core.spec import load
from captcha_core.storage import AnyPath, absolute, as_path
from captcha_core.training import (
    Emphasis,
    InputSize,
    TrainingPlan,
)
from workers.kinds.train import DatasetSource, SpecSource, TrainRequest

from ..options.labels import describe_labels, show_labels
from ..options.run import recorded_options
from ..options.spec import with_fonts
from ..terminal import note
from .descriptions import described, described_input
from .plan_fields import DEFAULT_IMAGES, labelled_fields, usual_fields

_LOOKED_AT = 1000  # images of a folder, before the training


def new_request(
    dataset: str | None,
    fresh: str | None,
    out: str,
    run_path: AnyPath,
    options: dict[str, Any],
    *,
    overwrite: bool,
) -> TrainRequest:
    channels: Literal[1, 3] = 3 if options["colour"] or options["arch"] == "vgg" else 1
    events = _events(options["tensorboard"], out)
    if fresh and (options["label_pattern"] or options["ignore_case"]):
        raise click.UsageError("--label-pattern and --ignore-case go with a folder of labelled images")
    if options["emphasise"] and not fresh:
        raise click.UsageError("--emphasise goes with --spec: a dataset's texts are what they are")
    unlabelled = _unlabelled(fresh, options)
    source: DatasetSource | SpecSource
    if fresh:
        spec = with_fonts(load(fresh))
        images = options["max_images"] or (None if options["max_time"] else DEFAULT_IMAGES)
        source = SpecSource(spec=spec, emphasis=_emphasis(options["emphasise"], images))
        problem = Problem.from_spec(spec, channels)
        input_size = InputSize(problem.size)
        fields = usual_fields(problem, options)
    else:
        label_options = LabelOptions(
            pattern=options["label_pattern"], split="train", ignore_case=options["ignore_case"]
        )
        images = open_labelled(absolute(str(dataset)), label_options)
        show_labels(images)
        labelling = describe_labels(images) | _inspected(images)
        source, fields, input_size = labelled_fields(images, channels, options)
        source = source.model_copy(update={"labels": label_options, "labelling": labelling})
    plan = TrainingPlan.make(
        architecture=options["arch"],
        optimiser=options["optimiser"],
        seed=options["seed"],
        resize_rule=input_size.rule,
        trained_on_resized=input_size.resized,
        **fields,
    )
    note(described(plan, source))
    if input_size.reason:
        note(described_input(input_size))
    if fresh and rendering.needs_compiling():
        note("the worker compiles the renderer first, once on this machine: about half a minute")
    return TrainRequest(
        plan=plan.model_dump(mode="json"),
        source=source,
        run=str(run_path),
        token=secrets.token_hex(8),
        out=out,
        overwrite=overwrite,
        command=f"capq {shlex.join(sys.argv[1:])}",
        events=events,
        options=recorded_options(dataset, fresh, options),
        unlabelled=unlabelled,
    )


def _unlabelled(fresh: str | None, options: dict[str, Any]) -> Inputs | None:
    """Return where the unlabelled images come from; refuse what does not go together."""
    if fresh and (options["unlabelled"] or options["trust"] < 1):
        raise click.UsageError(
            "--unlabelled and --trust are for labelled images: with --spec all texts are true"
        )
    if not options["unlabelled"]:
        if options["rounds"]:
            raise click.UsageError("--rounds goes with --unlabelled")
        return None
    if options["unlabelled"] == STANDARD_INPUT:
        raise click.UsageError(
            "--unlabelled takes no list on standard input: workers read it, in every round"
        )
    return find_source(absolute(options["unlabelled"]))


def _inspected(images: Dataset | LabelledFolder) -> dict[str, list[str]]:
    """Look at some images of a folder, and say what is to be known of them before the training."""
    if not isinstance(images, LabelledFolder) or not len(images):
        return {}
    inspection = inspect_labelled(images, most=_LOOKED_AT)
    sentences = findings(inspection)
    looked_at = len(inspection.names) + len(inspection.unreadable)
    if sentences:
        note(f"of {counted(looked_at, 'image')} looked at (more: capq inspect {images.folder.url}):")
    for sentence in sentences:
        note(f"- {sentence}")
    return {"findings": sentences}


def _events(folder: str | None, out: str) -> str:
    """Name a folder for a run's events, so that runs of the same --out stay apart."""
    if folder is None:
        return ""
    url = absolute(folder)
    if "://" in url:
        raise click.UsageError("--tensorboard must be a folder that the gpu workers share, not a URL")
    return str(Path(url) / f"{as_path(out).name}-{time.strftime('%Y%m%d-%H%M%S')}")


def _emphasis(characters: str | None, images: int | None) -> Emphasis | None:
    if not characters:
        return None
    if images is None:
        raise click.UsageError("--emphasise needs --max-images: it ends at 70 % of them")
    return Emphasis(characters=characters, until=max(1, images * 7 // 10))
