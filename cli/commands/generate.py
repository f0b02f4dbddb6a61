"""`capq generate`."""

import click

from captcha_core import rendering
from captcha_core.datasets import Dataset, Plan
from captcha_core.errors import counted
from captcha_core.spec import Spec
from captcha_core.storage import absolute
from workers.kinds.generate import GenerateRequest
from workers.ledger.job import Job
from workers.settings import settings

from ..job.session import session
from ..job.submission import detach_option, run
from ..options.spec import describe, spec_options
from ..terminal import json_option, note, say


@click.command()
@click.option(
    "--shards", type=click.IntRange(1, 1_000_000), required=True, help="Number of shards: the units of work."
)
@click.option(
    "--per-shard", type=click.IntRange(1, 10_000), default=1000, show_default=True, help="Images a shard."
)
@click.option(
    "--out", default="dataset", show_default=True, metavar="URL", help="Folder or fsspec URL (s3://…)."
)
@click.option(
    "--seed",
    type=click.IntRange(0, (1 << 63) - 1),
    default=0,
    show_default=True,
    help="The same spec and seed give the same bytes.",
)
@click.option(
    "--format",
    "layout",
    type=click.Choice(["webdataset", "folder"]),
    default="webdataset",
    show_default=True,
    help="Tar shards, or plain images with labels.txt and metadata.csv.",
)
@spec_options
@detach_option
@json_option
def generate(
    spec: Spec, shards: int, per_shard: int, out: str, seed: int, layout: str, detach: bool, as_json: bool
) -> None:
    """Render labelled images into dataset shards, on the cpu workers.

    The same command on the same folder continues where it stopped, and with more --shards
    makes the dataset longer.

    \b
    capq generate --shards 50
    capq generate --shards 10 --per-shard 500 --out digits --charset digits --length 4-6
    capq generate --shards 8 --spec origin-2017 --format folder --out origin
    """
    plan = Plan(spec=spec, seed=seed, shards=shards, per_shard=per_shard, layout=layout)
    url = absolute(out)
    with session() as ledger, ledger.claim_output(url) as claim:
        dataset = Dataset.begin(url, plan)
        finished = len(dataset.finished())
        if finished:
            note(f"{url} has {finished:,} of {shards:,} shards already")
        note(f"{counted(plan.images, 'image')}: {describe(spec)}")
        if settings().embedded and rendering.needs_compiling():
            note("compiling the renderer, once on this machine; the first shards are drawn more slowly")
        run(
            ledger,
            "generate",
            GenerateRequest(plan=plan, out=url),
            total=shards,
            detach=detach,
            as_json=as_json,
            show=show,
            claim=claim,
        )


def show(job: Job) -> None:
    """Print what a generation job made."""
    summary = job.summary
    if "images" not in summary:
        return
    seconds = (job.ended or 0) - (job.started or 0)
    say(
        f"{counted(summary['images'], 'image')} in {counted(summary['shards'], 'shard')}, "
        f"{summary['bytes'] / 1e6:,.1f} MB, in {seconds:,.1f} s: {summary['out']}"
    )
    say(f"sha256 {summary['sha256']}   spec {summary['spec_digest']}")
    if not summary.get("card", True):
        note("its README.md is not one that capq wrote: it was kept, and there is no dataset card")
