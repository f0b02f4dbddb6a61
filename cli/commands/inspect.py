"""`capq inspect`."""

from typing import Any

import click
from rich.progress import Progress

from captcha_core.datasets import LabelOptions, open_labelled
from captcha_core.errors import counted
from captcha_core.inspection import inspect_labelled
from captcha_core.inspection.findings import findings
from captcha_core.inspection.page import page
from captcha_core.solving.solver import Solver
from captcha_core.storage import MarkedFile, absolute, as_path
from captcha_core.storage.overlap import check_apart

from ..options.checkpoint import resolve_checkpoint
from ..options.labels import label_pattern_option, show_labels
from ..options.page import PageFile
from ..terminal import console, json_option, print_fields, print_json, say, watched

_CHARACTERS = 12  # that are named of the rarest


@click.command()
@click.argument("dataset", metavar="FOLDER")
@label_pattern_option
@click.option(
    "--checkpoint",
    "name",
    metavar="NAME|DIR",
    help="Also read the images with this network, and show the labels that it reads otherwise.",
)
@click.option(
    "--page", "file", type=PageFile(), metavar="HTML", help="Write a page with the pictures in question."
)
@click.option("--overwrite", is_flag=True, help="Replace the page of another folder.")
@json_option
def inspect(
    dataset: str, label_pattern: str, name: str | None, file: str | None, overwrite: bool, as_json: bool
) -> None:
    """Tell what there is to know of labelled images before training on them.

    FOLDER is what `capq train` takes. Told are the rule that gave the labels and what it leaves
    out; sizes, modes and formats; characters, lengths and case; images that cannot be read, that
    are the same or nearly so, or that have another format than their names say; characters that
    come up once or look alike; and whether letters are drawn in the case of their labels.

    \b
    capq inspect ./labelled --page inspection.html
    capq inspect ./labelled --checkpoint model
    """
    if overwrite and not file:
        raise click.UsageError("--overwrite is for --page")
    checkpoint = resolve_checkpoint(name)[0] if name else ""
    inputs = [dataset, checkpoint] if checkpoint and as_path(checkpoint).is_dir() else [dataset]
    page_file = _page_file(file, inputs, overwrite=overwrite) if file else None
    solver = Solver.load(checkpoint) if checkpoint else None
    images = open_labelled(absolute(dataset), LabelOptions(pattern=label_pattern))
    show_labels(images)
    with Progress(console=console(stderr=True), transient=True, disable=not watched()) as progress:
        task = progress.add_task("looking", total=len(images))
        inspection = inspect_labelled(
            images, solver=solver, progress=lambda count: progress.update(task, completed=count)
        )
    if page_file:
        page_file.write(page(inspection, images).encode())
    summary = inspection.summary() | {
        "findings": findings(inspection),
        "page": page_file.path if page_file else None,
    }
    if as_json:
        print_json(summary)
        return
    print_fields(_fields(summary))
    for sentence in summary["findings"]:
        say(f"- {sentence}")
    if page_file:
        say(f"page: {page_file.path}")


def _page_file(path: str, inputs: list[str], *, overwrite: bool) -> MarkedFile:
    """Return the page's file, once it is known that it may be written."""
    url, *sources = map(absolute, [path, *inputs])
    check_apart([url], sources, "inspection")
    file = MarkedFile(url, "inspection", sources[0], overwrite)
    file.check()
    return file


def _fields(summary: dict[str, Any]) -> dict[str, Any]:
    """Return the figures that stand above the findings."""
    texts, sizes = summary["texts"], summary["sizes"]
    characters = list(texts["characters"].items())
    shown_sizes = [f"{size['width']}×{size['height']} ({size['images']:,})" for size in sizes[:5]]
    return {
        "images": counted(summary["looked_at"], "image"),
        "sizes": shown_sizes + (["…"] if summary["different_sizes"] > len(shown_sizes) else []),
        "formats": _counts(summary["formats"]),
        "modes": _counts(summary["modes"]),
        "characters": f"{len(characters)}: {texts['charset']}",
        "rarest": [f"{character} {count:,}" for character, count in characters[::-1][:_CHARACTERS]],
        "lengths": _counts(texts["lengths"]),
        "case": _counts(texts["case"]) or "no letters",
        "look_alike": texts["look_alikes"] or "none",
    }


def _counts(numbers: dict[Any, int]) -> list[str]:
    return [f"{name} ({count:,})" for name, count in numbers.items()]
