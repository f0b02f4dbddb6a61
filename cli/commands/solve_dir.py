"""`capq solve-dir`."""

from typing import Any, NoReturn

import click

from captcha_core.codecs.options import Decoding
from captcha_core.errors import ImageError, InputError, counted
from captcha_core.inputs import Source, find_source
from captcha_core.inputs.labels import BESIDE, NAMES, check_labels, labels_note
from captcha_core.inputs.lists import STANDARD_INPUT
from captcha_core.networks.checkpoint import Model
from captcha_core.solving.outputs import check_outputs
from captcha_core.solving.plan import ReadingPlan
from captcha_core.solving.reading import Reading
from captcha_core.solving.selection import select_for_reading
from captcha_core.storage import absolute
from captcha_core.tables.formats import check_format
from workers.kinds.solve import SolveRequest
from workers.ledger.job import Job
from workers.ledger.ledger import Ledger

from ..job.listing import listed_batches, opening
from ..job.session import session
from ..job.submission import detach_option, run_listed
from ..job.watching import check_watching, watch_folder
from ..options.checkpoint import resolve_checkpoint, warn_of_size
from ..options.decoding import (
    beam_option,
    charset_option,
    check_beam,
    ignore_case_option,
    length_option,
)
from ..options.finite import FiniteRange
from ..options.page import PageFile
from ..options.selection import checkpoint_or_auto_option, selected
from ..terminal import interval, json_option, note, say, say_faults, share, shown

_DEEPER = {
    "folder": ": look deeper with --recursive",
    "zip": ": if it holds archives, unpack it first",
    "tar": ": if it holds archives, unpack it first",
}
"""What to do where a source of that kind holds no images."""


def _without_images(source: Source) -> str:
    """Say that a source has no images, or none of the names that were given, and what to do about it."""
    what = "no images"
    if source.patterns:
        what = f"no file whose name matches {' or '.join(map(repr, source.patterns))}"
    return f"{source.url} holds {what}{_DEEPER.get(source.kind, '') * (not source.recursive)}"


@click.command()
@click.argument("source", metavar="INPUT")
@checkpoint_or_auto_option
@length_option
@beam_option
@charset_option
@ignore_case_option
@click.option(
    "--out",
    default="results.csv",
    show_default=True,
    metavar="FILE",
    help="Table to write: .csv, .jsonl or .parquet.",
)
@click.option("--recursive", is_flag=True, help="Read the folders below INPUT too.")
@click.option(
    "--pattern",
    "patterns",
    multiple=True,
    metavar="GLOB",
    help="Read the files whose names match, instead of all images; may be given again.",
)
@click.option("--characters", is_flag=True, help="Add a column with each character's confidence.")
@click.option(
    "--min-confidence",
    type=FiniteRange(0, 1),
    metavar="P",
    help="Add a column `rejected`: true where the confidence is under P or there is no text.",
)
@click.option(
    "--labels",
    default="",
    metavar=f"FILE|{NAMES}|{BESIDE}",
    help="Compare with the truth and report the accuracy: a table or JSON of file names and texts, a .txt "
    f"with a label a line, `{NAMES}` for labels in the file names, `{BESIDE}` for the texts in shards.",
)
@click.option("--report", type=PageFile(), metavar="HTML", help="Write a page with the doubtful images.")
@click.option(
    "--batch",
    type=click.IntRange(1, 100_000),
    default=2048,
    show_default=True,
    help="Images a unit of work, at the most.",
)
@click.option("--overwrite", is_flag=True, help="Read everything again and replace the table.")
@click.option("--watch", is_flag=True, help="Go on with what arrives in the folder, until Ctrl-C.")
@detach_option
@json_option
def solve_dir(  # noqa: PLR0913 (one argument an option)
    *,
    source: str,
    name: str,
    lengths: tuple[int, int] | None,
    beam: int | None,
    charset: str | None,
    ignore_case: bool,
    out: str,
    recursive: bool,
    patterns: tuple[str, ...],
    characters: bool,
    min_confidence: float | None,
    labels: str,
    report: str | None,
    batch: int,
    overwrite: bool,
    watch: bool,
    detach: bool,
    as_json: bool,
) -> None:
    """Read every image of INPUT, in batches on the gpu workers, into one table.

    INPUT is a folder, a dataset or another folder of tar shards, a .tar or .zip with images,
    a .txt with a path a line (- for standard input), or the URL of one of these (s3://…).

    The table has a row for each image, in a stable order: path, text, confidence, error. An
    image that cannot be decoded gets a row that says why. The same command again reads only
    what is missing: after an interruption, and when images have come or changed.

    \b
    capq solve-dir ./images
    capq solve-dir ./images --recursive --out texts.parquet --checkpoint ./model
    capq solve-dir dataset --labels txt --report report.html
    find . -name '*.png' | capq solve-dir - --min-confidence 0.9
    """
    labels = labels if labels in ("", NAMES, BESIDE) else absolute(labels)
    if labels:
        check_labels(labels)
        if text := labels_note(labels):
            note(text)
    url = absolute(out)
    check_format(url, appends=watch)
    if watch:
        check_watching(detach=detach, as_json=as_json, report=report or "", labels=labels)
    images = find_source(
        source if source == STANDARD_INPUT else absolute(source),
        recursive=recursive,
        patterns=patterns,
        label=labels,
    )
    options = Decoding(lengths=lengths, beam=beam, charset=charset, ignore_case=ignore_case)
    selection = selected(
        name,
        options,
        lambda: select_for_reading(images, url, batch=batch, overwrite=overwrite, decoding=options),
    )
    checkpoint, model = resolve_checkpoint(selection.checkpoint)
    check_beam(model, beam)
    decoding = Decoding.checked(model.problem, **selection.decoding.values)
    plan = ReadingPlan(
        source=images,
        digest=model.digest,
        decoding=decoding,
        characters=characters,
        labels=labels,
        batch=batch,
        out=url,
    )
    request = SolveRequest(
        out=url,
        checkpoint=checkpoint,
        min_confidence=min_confidence,
        report=absolute(report) if report else "",
        batch=batch,
    )
    check_outputs(plan, checkpoint=checkpoint, report=request.report, overwrite=overwrite)
    with session() as ledger:
        if watch:
            watch_folder(ledger, plan, request, overwrite=overwrite)
        _solve(
            ledger,
            plan,
            request,
            # A network that was chosen by a sample has shown what it makes of other sizes.
            None if selection.trials else model,
            overwrite=overwrite,
            detach=detach,
            as_json=as_json,
        )


def _solve(
    ledger: Ledger,
    plan: ReadingPlan,
    request: SolveRequest,
    expected: Model | None,
    *,
    overwrite: bool,
    detach: bool,
    as_json: bool,
) -> NoReturn:
    """Read the images; notes it when they are not of the expected model's size."""
    with opening(ledger, request) as opened:
        reading = Reading.start(plan, overwrite=overwrite)
        batches = listed_batches(reading, opened.check)
        if batches is None:
            raise InputError(_without_images(plan.source))
        if expected:
            _warn_of_size(reading, expected)
        job, publisher = opened.job(reading)
        run_listed(ledger, job, batches, publisher, detach=detach, as_json=as_json, show=show)


def _warn_of_size(reading: Reading, model: Model) -> None:
    """Look at the first image that is to be read."""
    entry = next((entry for entry in reading.entries(0) if entry.row is None), None)
    if entry:
        (item,) = reading.plan.source.open().items([entry])
        if not isinstance(item, ImageError):
            warn_of_size(item, model, name=entry.path)


def show(job: Job) -> None:
    """Print what a reading job made."""
    summary = job.summary
    seconds = (job.ended or 0) - (job.started or 0)
    read = summary["images"] - job.counts.get("kept", 0)
    rate = f", {read / seconds:,.0f} images/s" if seconds > 0 and read else ""
    say(f"{counted(summary['images'], 'image')} in {seconds:,.1f} s{rate}: {summary['out']}")
    if job.counts.get("kept"):
        say(f"{shown(job.counts['kept'])} of them read before: rows kept")
    if summary["unreadable"]:
        say(f"{shown(summary['unreadable'])} could not be read: the table says why")
    if summary["resized"]:
        say(f"{shown(summary['resized'])} resized: of another size than the network reads")
    if "rejected" in summary:
        say(f"{shown(summary['rejected'])} rejected: under {summary['min_confidence']:g}, or without a text")
    if "evaluation" in summary:
        _show_evaluation(summary["evaluation"])
    if "report" in summary:
        say(f"report: {summary['report']}")


def _show_evaluation(evaluation: dict[str, Any]) -> None:
    if not evaluation["images"]:
        say("no image has a label: the labels name other files")
        return
    for name, rate in (("images", evaluation["accuracy"]), ("characters", evaluation["characters"])):
        if rate["value"] is not None:
            say(f"{share(rate)} of {shown(rate['count'])} labelled {name} right ({interval(rate)})")
    say_faults(evaluation["confusions"])
