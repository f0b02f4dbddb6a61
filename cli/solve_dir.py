"""`capq solve-dir`."""

from pathlib import Path

import click

from captcha_core.batches import Batches
from captcha_core.errors import DatasetError
from captcha_core.inputs import list_images
from captcha_core.results import check_format
from captcha_core.storage import Folder
from workers.jobs import Job
from workers.kinds.solve import SolveRequest

from .checkpoints import checkpoint_option, chosen, warn_of_size
from .locations import absolute
from .session import session
from .submission import detach_option, refuse_twice, run
from .terminal import json_option, note, say, shown


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@checkpoint_option
@click.option(
    "--out",
    default="results.csv",
    show_default=True,
    metavar="FILE",
    help="Table to write: .csv, .jsonl or .parquet.",
)
@click.option("--recursive", is_flag=True, help="Read the folders below DIR too.")
@click.option(
    "--batch", type=click.IntRange(1, 100_000), default=1024, show_default=True, help="Images a unit of work."
)
@click.option("--overwrite", is_flag=True, help="Replace the table of an earlier reading.")
@detach_option
@json_option
def solve_dir(
    directory: Path,
    name: str,
    out: str,
    recursive: bool,
    batch: int,
    overwrite: bool,
    detach: bool,
    as_json: bool,
) -> None:
    """Read every image of DIR, in batches on the gpu workers, into one table.

    The table has a row for each image, in the order of their names: path (relative to DIR),
    text, confidence, error. An image that cannot be decoded gets a row that says why. The
    same command after an interruption reads only what is missing.

    \b
    capq solve-dir ./images
    capq solve-dir ./images --recursive --out texts.parquet --checkpoint ./model
    """
    url = absolute(out)
    check_format(url)
    checkpoint, model = chosen(name)
    parent, _, file = url.rpartition("/")
    if Folder(parent or "/").exists(file) and not overwrite:
        raise DatasetError(f"{url} exists: add --overwrite, or give another --out")
    root = directory.expanduser().absolute()
    with session() as ledger:
        refuse_twice(ledger, "solve", "out", url)
        batches = Batches.begin(
            list_images(root, recursive=recursive),
            directory=str(root),
            recursive=recursive,
            checkpoint=model.digest,
            batch=batch,
            out=url,
        )
        warn_of_size(root / batches.inputs(0)[0], model)
        note(
            f"{shown(batches.plan.images)} images in {shown(batches.plan.batches)} batches, read with {name}"
        )
        run(
            ledger,
            "solve",
            SolveRequest(out=url, checkpoint=checkpoint),
            total=batches.plan.batches,
            detach=detach,
            as_json=as_json,
            show=show,
        )


def show(job: Job) -> None:
    """Print what a reading job made."""
    summary = job.summary
    seconds = (job.ended or 0) - (job.started or 0)
    rate = f"{summary['images'] / seconds:,.0f} images/s" if seconds > 0 else ""
    say(f"{shown(summary['images'])} images in {seconds:,.1f} s, {rate}: {summary['out']}")
    if summary["unreadable"]:
        say(f"{shown(summary['unreadable'])} could not be read; their rows say why")
