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
from captcha_core.errors import CheckpointError, StorageError, TrainingError, counted
from captcha_core.images.resize_rules import PADDED
from captcha_core.networks import Problem, checkpoint
from captcha_core.spec import load, presets
from captcha_core.storage.overlap import check_apart
from captcha_core.training import (
    Emphasis,
    InputSize,
    RunFolder,
    TrainingPlan,
    choose_input,
    read_problem,
    run_folder,
    state,
)
from workers.kinds.train import DatasetSource, SpecSource, TrainRequest
from workers.ledger.job import Job

from ..job.session import session
from ..job.submission import detach_option, refuse_second, run
from ..options.checkpoint import resolve_checkpoint
from ..options.duration import Duration
from ..options.location import absolute
from ..options.spec import with_fonts
from ..terminal import duration, json_option, note, say

_DEFAULT_IMAGES = 200_000


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
@click.option("--batch", type=click.IntRange(1, 65536), default=128, show_default=True, help="Images a step.")
@click.option(
    "--rate",
    type=click.FloatRange(0, 1, min_open=True),
    default=4e-3,
    show_default=True,
    help="Peak learning rate.",
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
    "--init", "initial", metavar="CHECKPOINT", help="Start from a checkpoint: a folder or a shipped name."
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

    \b
    capq train dataset --out model
    capq train --spec default --max-images 1000000 --out model
    capq train ./labelled --init lepture-170x80 --augment --max-time 10m --out ours
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
    with session() as ledger:
        refuse_second(ledger, "train", "run", request.run)
        record = request.model_dump(mode="json")
        folder.take_over(record) if resume else folder.begin(record)
        run(ledger, "train", request, total=-1, detach=detach, as_json=as_json, show=show)


def show(job: Job) -> None:
    """Print what a training job made."""
    summary = job.summary
    seconds = (job.ended or 0) - (job.started or 0)
    say(f"{counted(summary['images'], 'image')} in {duration(seconds)}: {summary['out']}")
    if summary.get("accuracy") is not None:
        say(f"{summary['accuracy']:.2%} of the held-out images read without a fault")
    if "digest" in summary:
        say(f"use it: capq solve-dir ./images --checkpoint {summary['out']}")


def _check_outputs(request: TrainRequest) -> None:
    """Find out before the work, not after it, that its outputs are in the way of something."""
    inputs = [request.source.url] if isinstance(request.source, DatasetSource) else []
    initial = request.plan.get("initial")
    if initial and initial not in checkpoint.shipped():
        inputs.append(initial)
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
    images = options["max_images"]
    if images is None and options["max_time"] is None:
        images = _DEFAULT_IMAGES
    initial = options["initial"] and resolve_checkpoint(options["initial"])
    source: DatasetSource | SpecSource
    if options["emphasise"] and not fresh:
        raise click.UsageError("--emphasise goes with --spec: a dataset's texts are what they are")
    if fresh:
        spec = with_fonts(load(fresh))
        source = SpecSource(spec=spec, emphasis=_emphasis(options["emphasise"], images))
        problem = Problem.from_spec(spec, channels)
        chosen = InputSize(problem.size)
    else:
        url = absolute(str(dataset))
        chosen = choose_input(url, options["arch"], initial[1] if initial else None)
        source, problem = DatasetSource(url=url), read_problem(url, channels, chosen.size)
    plan = TrainingPlan.make(
        architecture=options["arch"],
        problem=problem.model_dump(),
        resize_rule=chosen.rule,
        trained_on_resized=chosen.resized,
        batch=options["batch"],
        images=images,
        seconds=options["max_time"],
        optimiser=options["optimiser"],
        rate=options["rate"],
        seed=options["seed"],
        initial=initial[0] if initial else None,
        augmentation={} if options["augment"] else None,
    )
    note(_described(plan, source))
    if chosen.reason:
        note(_described_input(chosen))
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
        events=_events(options["tensorboard"], out),
    )


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
