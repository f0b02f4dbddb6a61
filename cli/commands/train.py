"""`capq train`."""

import secrets
import shlex
import sys
import time
from pathlib import Path
from typing import Any, Literal

import click
import pydantic

from captcha_core import networks, rendering
from captcha_core.datasets import LabelledFolder, open_labelled
from captcha_core.errors import CheckpointError, StorageError, TrainingError, counted
from captcha_core.evaluation import Rate
from captcha_core.images.resize_rules import PADDED
from captcha_core.networks import Problem, checkpoint
from captcha_core.spec import load, presets
from captcha_core.storage import absolute
from captcha_core.storage.overlap import check_apart
from captcha_core.training import (
    Emphasis,
    InputSize,
    RunFolder,
    TrainingPlan,
    choose_input,
    read_problem,
    recipe,
    run_folder,
    state,
)
from captcha_core.training.plan import Start
from captcha_core.training.recipe import Recipe
from workers.kinds.train import DatasetSource, SpecSource, TrainRequest
from workers.ledger.job import Job

from ..job.session import session
from ..job.submission import detach_option, run
from ..options.checkpoint import resolve_checkpoint
from ..options.duration import Duration
from ..options.spec import with_fonts
from ..terminal import duration, interval, json_option, note, say, share

_DEFAULT_IMAGES = 200_000
_DEFAULT_BATCH, _DEFAULT_RATE = 128, 4e-3
_FROM_NOTHING = "none"


@click.command()
@click.argument("dataset", required=False)
@click.option(
    "--spec",
    "fresh",
    metavar="NAME|FILE",
    help=f"Train on fresh images instead of a dataset: {', '.join(presets())}, or a JSON file of a spec.",
)
@click.option(
    "--arch",
    type=click.Choice(list(networks.ARCHITECTURES)),
    default=networks.DEFAULT,
    show_default=True,
    help="ctc reads any length; heads has one head a position; vgg is the network of the 2017 post.",
)
@click.option(
    "--out", default="model", show_default=True, metavar="DIR", help="Folder of the finished checkpoint."
)
@click.option(
    "--max-images", type=click.IntRange(1), help=f"Images to train on.  [default: {_DEFAULT_IMAGES:,}]"
)
@click.option("--max-time", type=Duration(), metavar="TIME", help="Time to train for: 90s, 15m, 2h.")
@click.option("--batch", type=click.IntRange(1, 65536), help=f"Images a step.  [default: {_DEFAULT_BATCH}]")
@click.option(
    "--rate",
    type=click.FloatRange(0, 1, min_open=True),
    help=f"Peak learning rate.  [default: {_DEFAULT_RATE:g}]",
)
@click.option(
    "--optimiser",
    type=click.Choice(["muon", "adamw"]),
    default="muon",
    show_default=True,
    help="muon learns from fewer images; adamw is the classic.",
)
@click.option(
    "--emphasise",
    metavar="CHARS",
    help="Draw look-alikes such as 0O at a quarter of all positions until 70 % of --max-images; with --spec.",
)
@click.option(
    "--init",
    "initial",
    metavar="CHECKPOINT",
    help=f"Start from a checkpoint: a folder or a shipped name; {_FROM_NOTHING}: from random weights.",
)
@click.option(
    "--augment", is_flag=True, help="Change images lightly each time they are seen: for small sets."
)
@click.option("--colour", is_flag=True, help="Show the network colours; vgg always sees them.")
@click.option("--seed", type=click.IntRange(0, (1 << 32) - 1), default=0, show_default=True)
@click.option(
    "--tensorboard",
    metavar="DIR",
    help="Folder for TensorBoard events; the run gets a folder of its own in it.",
)
@click.option("--resume", is_flag=True, help="Go on with the run that was begun for the same --out.")
@click.option(
    "--overwrite", is_flag=True, help="Replace the checkpoint at --out, with what was exported from it."
)
@detach_option
@json_option
def train(
    dataset: str | None,
    fresh: str | None,
    out: str,
    resume: bool,
    overwrite: bool,
    detach: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a network on DATASET, on a gpu worker, and write a checkpoint.

    DATASET is what `capq generate` made, or a folder of your own labelled images: the label
    in the file name (X7PQ_001.png), in labels.txt, or in metadata.csv. A tenth is held out
    to measure accuracy on.

    For a folder of fewer than 2,000 labels, what you leave out of --max-images, --batch, --rate,
    --augment and --init follows a recipe by their number.

    \b
    capq train dataset --out model
    capq train --spec default --max-images 1000000 --out model
    capq train ./labelled --out ours
    """
    if (dataset is None) == (fresh is None):
        raise click.UsageError("give a DATASET, or --spec NAME for fresh images")
    url = absolute(out)
    if "://" in url:
        raise click.UsageError("--out must be a folder that the gpu workers share, not a URL")
    run_path = Path(f"{url}.run")
    if resume:
        request = _resumed(run_path, overwrite=overwrite)
    else:
        run_folder.check_free(run_path)
        request = _new(dataset, fresh, url, run_path, options, overwrite=overwrite)
    _check_outputs(request)
    folder = RunFolder(run_path, request.token)
    with session() as ledger, ledger.claim_output(request.out) as claim:
        record = request.model_dump(mode="json")
        folder.take_over(record) if resume else folder.begin(record)
        run(ledger, "train", request, total=-1, detach=detach, as_json=as_json, show=show, claim=claim)


def show(job: Job) -> None:
    """Print what a training job made."""
    summary = job.summary
    seconds = (job.ended or 0) - (job.started or 0)
    say(f"{counted(summary['images'], 'image')} in {duration(seconds)}: {summary['out']}")
    if summary.get("accuracy") is not None:
        say(f"{summary['accuracy']:.2%} of the held-out images read without a fault")
    if "trial" in summary:
        _show_trial(summary["trial"])
    if "digest" in summary:
        say(f"use it: capq solve-dir ./images --checkpoint {summary['out']}")


def _show_trial(trial: dict[str, Any]) -> None:
    """Print what the trial before the run came to."""
    starts, chosen = trial["starts"], trial["starts"][trial["chosen"]]
    losses = ", ".join(f"{start['initial'] or 'random weights'} {start['loss']:.3f}" for start in starts)
    say(f"started from {chosen['initial'] or 'random weights'} (loss in the trial: {losses})")
    if trial["folds"] > 1:
        rate = Rate(chosen["right"], chosen["count"]).summary()
        say(
            f"{share(rate)} ({interval(rate)}) of the {counted(rate['count'], 'image')} read without a fault "
            f"by networks that had not seen them, after {counted(trial['images'], 'image')} each"
        )


def _check_outputs(request: TrainRequest) -> None:
    """Find out before the work, not after it, that its outputs are in the way of something."""
    inputs = [request.source.url] if isinstance(request.source, DatasetSource) else []
    plan = TrainingPlan.model_validate(request.plan)
    starts = plan.trial.starts if plan.trial else (Start(initial=plan.initial),)
    inputs += [name for start in starts if (name := start.initial) and name not in checkpoint.shipped()]
    check_apart(filter(None, (request.out, request.run, request.events)), inputs)
    checkpoint.check_output(
        Path(request.out), overwrite=request.overwrite, digest=_trained_digest(Path(request.run))
    )


def _trained_digest(run: Path) -> str:
    """Return the digest of a run's finished checkpoint, which may have been published; empty without one."""
    try:
        return checkpoint.describe(run / run_folder.CHECKPOINT).digest
    except CheckpointError:
        return ""


def _new(
    dataset: str | None,
    fresh: str | None,
    out: str,
    run_path: Path,
    options: dict[str, Any],
    *,
    overwrite: bool,
) -> TrainRequest:
    channels: Literal[1, 3] = 3 if options["colour"] or options["arch"] == "vgg" else 1
    events = _events(options["tensorboard"], out)
    if options["emphasise"] and not fresh:
        raise click.UsageError("--emphasise goes with --spec: a dataset's texts are what they are")
    source: DatasetSource | SpecSource
    if fresh:
        spec = with_fonts(load(fresh))
        images = options["max_images"] or (None if options["max_time"] else _DEFAULT_IMAGES)
        source = SpecSource(spec=spec, emphasis=_emphasis(options["emphasise"], images))
        problem = Problem.from_spec(spec, channels)
        input_size = InputSize(problem.size)
        fields = _usual_fields(problem, options)
    else:
        url = absolute(str(dataset))
        initial = _initial(options)
        model = resolve_checkpoint(initial)[1] if initial else None
        input_size = choose_input(url, options["arch"], model)
        source, fields = _labelled(url, read_problem(url, channels, input_size.size), options)
    plan = TrainingPlan.make(
        architecture=options["arch"],
        optimiser=options["optimiser"],
        seed=options["seed"],
        resize_rule=input_size.rule,
        trained_on_resized=input_size.resized,
        **fields,
    )
    note(_described(plan, source))
    if input_size.reason:
        note(_described_input(input_size))
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
    )


def _usual_fields(problem: Problem, options: dict[str, Any]) -> dict[str, Any]:
    """Return a plan's fields where there are images enough."""
    images, seconds = options["max_images"], options["max_time"]
    initial = _initial(options)
    return {
        "problem": problem.model_dump(),
        "batch": options["batch"] or _DEFAULT_BATCH,
        "images": _DEFAULT_IMAGES if images is None and seconds is None else images,
        "seconds": seconds,
        "rate": options["rate"] or _DEFAULT_RATE,
        "initial": initial,
        "augmentation": {} if options["augment"] else None,
    }


def _labelled(url: str, problem: Problem, options: dict[str, Any]) -> tuple[DatasetSource, dict[str, Any]]:
    """Return the source and a plan's fields for a dataset or a folder: few labels get the recipe."""
    images = open_labelled(url)
    if not isinstance(images, LabelledFolder) or len(images) >= recipe.FEW_LABELS_BELOW:
        return DatasetSource(url=url), _usual_fields(problem, options)
    few = recipe.for_labels(len(images), _starts(problem, options))
    if options["max_images"]:
        few = few.within(options["max_images"])
    fields = few.plan_fields(problem)
    if options["max_time"]:
        fields |= {"images": options["max_images"], "seconds": options["max_time"]}
    if options["max_images"] or options["max_time"]:
        fields["early_stop"] = None  # so much was asked for
    fields |= {"batch": options["batch"]} if options["batch"] else {}
    fields |= {"augmentation": {}} if options["augment"] else {}
    note(_described_recipe(few, len(images)))
    return DatasetSource(url=url, held_out=few.held_out), fields


def _starts(problem: Problem, options: dict[str, Any]) -> tuple[Start, ...]:
    """Return where the run may start from: as asked for, or what a trial shall choose from."""
    if options["initial"] is None:
        starts = recipe.starts_from(problem, options["arch"])
    else:
        initial = _initial(options)
        starts = (recipe.from_checkpoint(initial) if initial else recipe.from_nothing(),)
    rate = {"rate": options["rate"]} if options["rate"] else {}
    return tuple(start.model_copy(update=rate) for start in starts)


def _initial(options: dict[str, Any]) -> str | None:
    """Return the checkpoint that --init names, by the path or name that workers open it by."""
    name = options["initial"]
    return None if name in (None, _FROM_NOTHING) else resolve_checkpoint(name)[0]


def _described_recipe(few: Recipe, labels: int) -> str:
    names = [start.initial or "random weights" for start in few.starts]
    start = f"from {names[0]}"
    if few.trial is not None:
        how = f"{few.folds}-fold cross-validation" if few.folds > 1 else "a short trial"
        start = f"from {' or '.join(names)}, as {how} tells" if names[1:] else f"{start}, with {how}"
    return f"few labels ({labels:,}): each image is changed whenever it is seen; {start}"


def _events(folder: str | None, out: str) -> str:
    """Name a folder for a run's events, so that runs of the same --out stay apart."""
    if folder is None:
        return ""
    url = absolute(folder)
    if "://" in url:
        raise click.UsageError("--tensorboard must be a folder that the gpu workers share, not a URL")
    return str(Path(url) / f"{Path(out).name}-{time.strftime('%Y%m%d-%H%M%S')}")


def _emphasis(characters: str | None, images: int | None) -> Emphasis | None:
    if not characters:
        return None
    if images is None:
        raise click.UsageError("--emphasise needs --max-images: it ends at 70 % of them")
    return Emphasis(characters=characters, until=max(1, images * 7 // 10))


def _resumed(run_path: Path, *, overwrite: bool) -> TrainRequest:
    """Return the request of the run in a folder, from its newest state on, under a token of its own."""
    path = run_path / run_folder.PLAN
    try:
        request = TrainRequest.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise TrainingError(f"nothing to resume: {run_path} holds no run") from None
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from error
    except pydantic.ValidationError:
        raise TrainingError(f"{path} is damaged or from another version of capq") from None
    request = request.model_copy(
        update={"token": secrets.token_hex(8), "overwrite": overwrite or request.overwrite}
    )
    steps = state.steps(run_path)
    if not steps:
        return request
    plan = TrainingPlan.model_validate(request.plan)
    record, _ = state.load(run_path, steps[-1], plan.digest)
    note(f"going on after {counted(record.images, 'image')}")
    reached = {"from_step": record.step, "from_images": record.images}
    return request.model_copy(update=reached | {"from_spent": plan.spent(record.images, record.seconds)})


def _described(plan: TrainingPlan, source: DatasetSource | SpecSource) -> str:
    budget = [counted(plan.images, "image")] if plan.images else []
    budget += [duration(plan.seconds)] if plan.seconds else []
    low, high = plan.problem.lengths
    return (
        f"{plan.architecture} on {source.url if isinstance(source, DatasetSource) else 'fresh images'}, "
        f"{' or '.join(budget)}: {low}-{high} characters of {plan.problem.charset} at "
        f"{plan.problem.size[0]}×{plan.problem.size[1]}, {'grey' if plan.problem.grey else 'colour'}"
    )


def _described_input(chosen: InputSize) -> str:
    size = f"{chosen.size[0]}×{chosen.size[1]}"
    how = "scaled to fit and padded" if chosen.rule == PADDED else "resized"
    return f"the network's input is {size}, {chosen.reason}: images of other sizes are {how}"
