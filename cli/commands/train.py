"""`capq train`."""

from typing import Any

import click

from captcha_core import networks
from captcha_core.spec import presets
from captcha_core.storage import absolute, as_path
from captcha_core.training import (
    RunFolder,
    run_folder,
)

from ..job.session import session
from ..job.submission import detach_option, run
from ..options import completion
from ..options.duration import Duration
from ..options.finite import FiniteRange
from ..options.labels import label_pattern_option
from ..options.run import check_same_options, recorded_options
from ..terminal import json_option
from ..training.outputs import check_outputs
from ..training.plan_fields import DEFAULT_BATCH, DEFAULT_IMAGES, DEFAULT_RATE, DEFAULT_ROUNDS, FROM_NOTHING
from ..training.request import new_request
from ..training.resumed import begun_with, resumed_request
from ..training.summary import show


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
    "--out", default="model", show_default=True, metavar="DIR|URL", help="Folder of the finished checkpoint."
)
@click.option(
    "--max-images", type=click.IntRange(1), help=f"Images to train on.  [default: {DEFAULT_IMAGES:,}]"
)
@click.option("--max-time", type=Duration(), metavar="TIME", help="Time to train for: 90s, 15m, 2h.")
@click.option("--batch", type=click.IntRange(1, 65536), help=f"Images a step.  [default: {DEFAULT_BATCH}]")
@click.option(
    "--rate",
    type=FiniteRange(0, 1, min_open=True),
    help=f"Peak learning rate.  [default: {DEFAULT_RATE:g}]",
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
    help=f"Start from a checkpoint: a folder or a shipped name; {FROM_NOTHING}: from random weights.",
)
@click.option(
    "--augment", is_flag=True, help="Change images lightly each time they are seen: for small sets."
)
@label_pattern_option
@click.option(
    "--trust",
    type=FiniteRange(0, 1),
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
    help=f"Rounds with --unlabelled, at most.  [default: {DEFAULT_ROUNDS}]",
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
    run_path = as_path(f"{url}.run")
    if resume:
        request = resumed_request(run_path, url, overwrite=overwrite)
        check_same_options(context, begun_with(request), recorded_options(dataset, fresh, options))
    else:
        run_folder.check_free(run_path)
        request = new_request(dataset, fresh, url, run_path, options, overwrite=overwrite)
    check_outputs(request)
    folder = RunFolder(run_path, request.token)
    with session() as ledger, ledger.claim_output(request.out) as claim:
        record = request.model_dump(mode="json")
        folder.take_over(record) if resume else folder.begin(record)
        run(ledger, "train", request, total=-1, detach=detach, as_json=as_json, show=show, claim=claim)
