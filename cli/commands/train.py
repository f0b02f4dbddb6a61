"""`capq train`."""

import secrets
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import click
import pydantic

from captcha_core import networks, rendering
from captcha_core.codecs.figures import percent_text
from captcha_core.datasets import Dataset, LabelledFolder, LabelOptions, open_labelled
from captcha_core.errors import CheckpointError, StorageError, TrainingError, counted
from captcha_core.evaluation import Rate
from captcha_core.images.resize_rules import PADDED
from captcha_core.inputs import Source as Inputs
from captcha_core.inputs import find_source
from captcha_core.inputs.lists import STANDARD_INPUT
from captcha_core.inspection import inspect_labelled
from captcha_core.inspection.findings import findings
from captcha_core.networks import Problem, checkpoint, report_files
from captcha_core.spec import load, presets
from captcha_core.storage import absolute, check_reachable
from captcha_core.storage.overlap import check_apart
from captcha_core.training import (
    Emphasis,
    InputSize,
    RunFolder,
    TrainingPlan,
    choose_input,
    history,
    read_problem,
    recipe,
    run_folder,
    state,
)
from captcha_core.training.plan import SelfTraining, Start
from captcha_core.training.recipe import Recipe
from captcha_core.training.side_tables import SUSPECTS, UNLABELLED, SideTable
from workers.kinds.train import DatasetSource, SpecSource, TrainRequest
from workers.ledger.job import Job

from ..job.session import session
from ..job.submission import detach_option, refuse_second, run
from ..options import completion
from ..options.checkpoint import resolve_checkpoint
from ..options.duration import Duration
from ..options.labels import describe_labels, label_pattern_option, show_labels, show_left_out
from ..options.run import check_same_options, recorded_options
from ..options.spec import with_fonts
from ..terminal import duration, interval, json_option, note, say, share

_DEFAULT_IMAGES = 200_000
_DEFAULT_BATCH, _DEFAULT_RATE = 128, 4e-3
_DEFAULT_ROUNDS = 2
_LOOKED_AT = 1000  # images of a folder, before the training
_FROM_NOTHING = "none"


@click.command()
@click.argument("dataset", required=False)
@click.option(
    "--spec",
    "fresh",
    metavar="NAME|FILE",
    shell_complete=completion.specs,
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
    shell_complete=completion.checkpoints_or("none"),
    help=f"Start from a checkpoint: a folder or a shipped name; {_FROM_NOTHING}: from random weights.",
)
@click.option(
    "--augment", is_flag=True, help="Change images lightly each time they are seen: for small sets."
)
@label_pattern_option
@click.option(
    "--trust",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    metavar="SHARE",
    help="Weight in the loss that a suspicious label keeps, after a cross-validation that finds them: "
    "1 keeps all labels whole, 0 leaves out the suspicious ones.",
)
@click.option(
    "--unlabelled",
    metavar="SOURCE",
    help="Also learn from images without labels, in rounds: a folder, archive or list, as "
    "`capq solve-dir` reads them.",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 20),
    help=f"Rounds with --unlabelled, at most.  [default: {_DEFAULT_ROUNDS}]",
)
@click.option(
    "--ignore-case", is_flag=True, help="Take upper and lower case of a letter in the labels as one."
)
@click.option("--colour", is_flag=True, help="Show the network colours; vgg always sees them.")
@click.option("--seed", type=click.IntRange(0, (1 << 32) - 1), default=0, show_default=True)
@click.option(
    "--tensorboard",
    metavar="DIR",
    help="Folder for TensorBoard events; the run gets a folder of its own in it.",
)
@click.option(
    "--resume", is_flag=True, help="Go on with the run that was begun for the same --out, as it was begun."
)
@click.option(
    "--overwrite", is_flag=True, help="Replace the checkpoint at --out, with what was exported from it."
)
@detach_option
@json_option
@click.pass_context
def train(
    context: click.Context,
    /,
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
    in the file name (X7PQ_001.png), in a table, in JSON, in labels.txt, in a .txt beside each
    image, or in tar shards. Which rule gave the labels is said, with five of them. Where the
    folder has parts for training and testing, the former are trained on. A tenth is held out to
    measure accuracy on.

    For a folder of fewer than 2,000 labels, what you leave out of --max-images, --batch, --rate,
    --augment and --init follows a recipe by their number.

    Labels that a network which has not learnt from them contradicts with confidence are suspicious:
    they are listed in OUT.suspects.csv, and the first of them are shown. They count like the others
    unless you give a --trust below 1.

    With --unlabelled, each round reads the images, keeps those whose text is sure and the same in
    changed copies, and trains on the labels and on these, until more of the labels that are held
    out are read wrongly. Then as many rounds as were best follow with all labels. What was read and
    kept is in OUT.unlabelled.csv. --max-images and --max-time are for each training.

    \b
    capq train dataset --out model
    capq train --spec default --max-images 1000000 --out model
    capq train ./labelled --out ours
    capq train ./labelled --unlabelled ./images --out ours
    """
    if (dataset is None) == (fresh is None) and not (resume and dataset is None):
        raise click.UsageError("give a DATASET, or --spec NAME for fresh images")
    url = absolute(out)
    if "://" in url:
        raise click.UsageError("--out must be a folder that the gpu workers share, not a URL")
    run_path = Path(f"{url}.run")
    if resume:
        request = _resumed(run_path, overwrite=overwrite)
        check_same_options(context, _begun_with(request), recorded_options(dataset, fresh, options))
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
    if "left_out" in summary:
        show_left_out(summary["left_out"])
    if summary.get("accuracy") is not None:
        say(f"{percent_text(summary['accuracy'])} of the held-out images read without a fault")
    if "trial" in summary:
        _show_trial(summary["trial"])
    if "rounds" in summary:
        _show_rounds(summary)
    if "suspects" in summary:
        _show_suspects(summary["suspects"])
    elif "digest" in summary and summary["accuracy"] is None and job.request["source"]["kind"] == "dataset":
        say("suspicious labels were not looked for: no label was kept from a training")
    if "digest" in summary:
        if report_files.CARD in summary.get("report", ()):
            say(f"its model card: {Path(summary['out']) / report_files.CARD}")
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


def _show_rounds(summary: dict[str, Any]) -> None:
    """Print how the rounds of self-training went, and what of the unlabelled images was kept."""
    for judged in summary["rounds"]:
        kept = f"and {counted(judged['kept'], 'unlabelled image')}" if judged["round"] else "alone"
        say(
            f"round {judged['round']}, on labels {kept}: {judged['wrong']:,} of "
            f"{counted(judged['held_out'], 'held-out image')} read with a fault, loss {judged['loss']:.3f}"
        )
    images = summary["unlabelled"]
    say(
        f"the best was round {summary['best_round']}; so many rounds with all labels came after it, the last "
        f"of them on {counted(images['kept'], 'unlabelled image')} of {images['images']:,} as well"
    )
    dropped = {"left_out": "drawn by lot to be left out", "unreadable": "unreadable"}
    dropped |= {"duplicates": "the same as another or as a labelled one"}
    for name, reason in dropped.items():
        if images[name]:
            say(f"{counted(images[name], 'unlabelled image')} not used: {reason}")
    if images["table"]:
        say(f"what was read and kept: {images['table']}")


def _show_suspects(suspects: dict[str, Any]) -> None:
    """Print how many labels are suspicious, and the first of them."""
    say(
        f"{suspects['count']:,} of {counted(suspects['looked_at'], 'label')} that a network could judge "
        f"{'is' if suspects['count'] == 1 else 'are'} suspicious"
    )
    for suspect in suspects["first"]:
        say(
            f"  {suspect['path']}: label {suspect['label']}, read {suspect['text']} "
            f"({suspect['confidence']:.2f}, {suspect['reason']})"
        )
    if suspects["table"]:
        say(f"all of them: {suspects['table']}")


def _check_outputs(request: TrainRequest) -> None:
    """Find out before the work, not after it, that its outputs are in the way of something."""
    inputs = [request.source.url] if isinstance(request.source, DatasetSource) else []
    plan = TrainingPlan.model_validate(request.plan)
    starts = plan.trial.starts if plan.trial else (Start(initial=plan.initial),)
    inputs += [name for start in starts if (name := start.initial) and name not in checkpoint.shipped()]
    inputs += [request.unlabelled.url] if request.unlabelled else []
    tables = _tables(request)
    check_apart((request.out, request.run, *(str(table.path) for table in tables)), inputs)
    if request.events:
        check_apart([request.events], [*inputs, request.out, request.run], "events")
        check_reachable(request.events, "events")
    digest = _trained_digest(Path(request.run))
    checkpoint.check_output(Path(request.out), overwrite=request.overwrite, digest=digest)
    for table in tables:  # those of a run that has ended may have been published as well
        table.check(overwrite=request.overwrite or bool(digest))


def _tables(request: TrainRequest) -> list[SideTable]:
    """Return the tables that may be written beside the checkpoint, without their rows."""
    tables = [SideTable.beside(request.out, SUSPECTS)] if isinstance(request.source, DatasetSource) else []
    return tables + ([SideTable.beside(request.out, UNLABELLED)] if request.unlabelled else [])


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
    if fresh and (options["label_pattern"] or options["ignore_case"]):
        raise click.UsageError("--label-pattern and --ignore-case go with a folder of labelled images")
    if options["emphasise"] and not fresh:
        raise click.UsageError("--emphasise goes with --spec: a dataset's texts are what they are")
    unlabelled = _unlabelled(fresh, options)
    source: DatasetSource | SpecSource
    if fresh:
        spec = with_fonts(load(fresh))
        images = options["max_images"] or (None if options["max_time"] else _DEFAULT_IMAGES)
        source = SpecSource(spec=spec, emphasis=_emphasis(options["emphasise"], images))
        problem = Problem.from_spec(spec, channels)
        input_size = InputSize(problem.size)
        fields = _usual_fields(problem, options)
    else:
        label_options = LabelOptions(
            pattern=options["label_pattern"], split="train", ignore_case=options["ignore_case"]
        )
        images = open_labelled(absolute(str(dataset)), label_options)
        show_labels(images)
        labelling = describe_labels(images) | _inspected(images)
        source, fields, input_size = _labelled(images, channels, options)
        source = source.model_copy(update={"labels": label_options, "labelling": labelling})
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


def _rounds(options: dict[str, Any]) -> int:
    """Return how many rounds of self-training there are at most, 0 without unlabelled images."""
    return (options["rounds"] or _DEFAULT_ROUNDS) if options["unlabelled"] else 0


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
        **recipe.network_of(initial),
    }


def _labelled(
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
    return _usual_fields(problem, options) | {
        "self_training": SelfTraining(rounds=rounds) if rounds else None
    }


def _many(problem: Problem, starts: tuple[Start, ...], options: dict[str, Any]) -> dict[str, Any]:
    """Return a plan's fields for labels that need no recipe."""
    fields = _usual_fields(problem, options)
    images = fields["images"] or _DEFAULT_IMAGES
    fields |= recipe.for_many_labels(starts, images, trust=options["trust"], rounds=_rounds(options))
    how = "" if fields["trial"] is None else _trial_text(fields["trial"].folds)
    note(f"the run starts {_described_starts(starts, how)}")
    return fields


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
    return None if name in (None, _FROM_NOTHING) else resolve_checkpoint(name)[0]


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
    plan = TrainingPlan.model_validate(request.plan)
    if request.unlabelled:
        images, spent = history.reached(run_path, plan)
        note(f"going on after {counted(images, 'image')}")
        return request.model_copy(update={"from_images": images, "from_spent": spent})
    steps = state.steps(run_path)
    plan = TrainingPlan.model_validate(request.plan)
    note(_described(plan, request.source))
    if not steps:
        return request
    record, _ = state.load(run_path, steps[-1], plan.digest)
    note(f"going on after {counted(record.images, 'image')}")
    reached = {"from_step": record.step, "from_images": record.images}
    return request.model_copy(update=reached | {"from_spent": plan.spent(record.images, record.seconds)})


def _begun_with(request: TrainRequest) -> dict[str, Any]:
    """Return the options that a run was begun with; of one from before they were kept, its dataset."""
    if request.options or isinstance(request.source, SpecSource):
        return request.options
    return {"dataset": request.source.url}


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
