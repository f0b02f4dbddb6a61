"""`capq train`."""

import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Literal

import click
import pydantic

from captcha_core import networks, rendering
from captcha_core.datasets import Dataset, open_labelled
from captcha_core.datasets.decoding import image_size
from captcha_core.errors import LabelError, TrainingError
from captcha_core.networks import Problem
from captcha_core.spec import load, presets
from captcha_core.training import Emphasis, TrainingPlan, state
from workers.kinds.train import DatasetSource, SpecSource, TrainRequest
from workers.ledger.job import Job

from ..job.session import session
from ..job.submission import detach_option, refuse_twice, run
from ..options.checkpoint import chosen
from ..options.duration import Duration
from ..options.location import absolute
from ..options.spec import with_fonts
from ..terminal import duration, json_option, note, say, shown

_DEFAULT_IMAGES = 200_000
_PLAN = "plan.json"


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
    help="Draw look-alikes such as 0O for a quarter of all places until 70 % of --max-images; with --spec.",
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
@detach_option
@json_option
def train(
    dataset: str | None,
    fresh: str | None,
    out: str,
    resume: bool,
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
    place = Path(f"{url}.run")
    if resume:
        request = _resumed(place)
    elif state.steps(place):
        raise TrainingError(
            f"{place} holds a run that did not end: add --resume, delete it, or give another --out"
        )
    else:
        request = _new(dataset, fresh, url, place, options)
    with session() as ledger:
        refuse_twice(ledger, "train", "run", request.run)
        if not resume and (place / _PLAN).exists():
            shutil.rmtree(place)  # of a run that never came to save a state: its images may be others
        place.mkdir(parents=True, exist_ok=True)
        (place / _PLAN).write_text(request.model_dump_json(indent=1))
        run(ledger, "train", request, total=-1, detach=detach, as_json=as_json, show=show)


def show(job: Job) -> None:
    """Print what a training job made."""
    summary = job.summary
    seconds = (job.ended or 0) - (job.started or 0)
    say(f"{shown(summary['images'])} images in {duration(seconds)}: {summary['out']}")
    if summary.get("accuracy") is not None:
        say(f"{summary['accuracy']:.2%} of the held-out images read without a fault")
    if "digest" in summary:
        say(f"use it: capq solve-dir ./images --checkpoint {summary['out']}")


def _new(
    dataset: str | None, fresh: str | None, out: str, place: Path, options: dict[str, Any]
) -> TrainRequest:
    channels: Literal[1, 3] = 3 if options["colour"] or options["arch"] == "vgg" else 1
    images = options["max_images"]
    if images is None and options["max_time"] is None:
        images = _DEFAULT_IMAGES
    source: DatasetSource | SpecSource
    if options["emphasise"] and not fresh:
        raise click.UsageError("--emphasise goes with --spec: a dataset's texts are what they are")
    if fresh:
        spec = with_fonts(load(fresh))
        source = SpecSource(spec=spec, emphasis=_emphasis(options["emphasise"], images))
        problem = Problem.of(spec, channels)
    else:
        url = absolute(str(dataset))
        source, problem = DatasetSource(url=url), _problem(url, channels)
    plan = TrainingPlan.make(
        architecture=options["arch"],
        problem=problem.model_dump(),
        batch=options["batch"],
        images=images,
        seconds=options["max_time"],
        optimiser=options["optimiser"],
        rate=options["rate"],
        seed=options["seed"],
        initial=options["initial"] and chosen(options["initial"])[0],
        augmentation={} if options["augment"] else None,
    )
    note(_described(plan, source))
    if fresh and rendering.needs_compiling():
        note("the worker compiles the renderer first, once on this machine: about half a minute")
    return TrainRequest(
        plan=plan.model_dump(mode="json"),
        source=source,
        run=str(place),
        out=out,
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


def _problem(url: str, channels: Literal[1, 3]) -> Problem:
    """Say what a dataset's labels and images ask of a network."""
    found = open_labelled(url)
    if isinstance(found, Dataset):
        return Problem.of(found.plan.spec, channels)
    texts = [text for _, text in found.labels]
    empty = sum(not text for text in texts)
    if empty:
        raise LabelError(f"{empty:,} of {len(texts):,} images in {url} have no label")
    return Problem(
        charset="".join(sorted(set().union(*texts))),
        lengths=(min(map(len, texts)), max(map(len, texts))),
        size=image_size(next(iter(found))),
        channels=channels,
    )


def _resumed(place: Path) -> TrainRequest:
    """Take up the run in a folder at its newest state."""
    try:
        request = TrainRequest.model_validate_json((place / _PLAN).read_bytes())
    except FileNotFoundError:
        raise TrainingError(f"nothing to resume: {place} holds no run") from None
    except pydantic.ValidationError:
        raise TrainingError(f"{place / _PLAN} is damaged: delete {place} and start again") from None
    steps = state.steps(place)
    if not steps:
        return request
    plan = TrainingPlan.model_validate(request.plan)
    record, _ = state.load(place, steps[-1], plan.digest)
    note(f"going on after {record.images:,} images")
    reached = {"from_step": record.step, "from_images": record.images}
    return request.model_copy(update=reached | {"from_spent": plan.spent(record.images, record.seconds)})


def _described(plan: TrainingPlan, source: DatasetSource | SpecSource) -> str:
    budget = [f"{plan.images:,} images"] if plan.images else []
    budget += [duration(plan.seconds)] if plan.seconds else []
    low, high = plan.problem.lengths
    return (
        f"{plan.architecture} on {source.url if isinstance(source, DatasetSource) else 'fresh images'}, "
        f"{' or '.join(budget)}: {low}-{high} characters of {plan.problem.charset} at "
        f"{plan.problem.size[0]}×{plan.problem.size[1]}, {'grey' if plan.problem.grey else 'colour'}"
    )
