"""The option that says where labels are, and how what was found out about them is shown."""

from typing import Any

import click

from captcha_core.datasets import Dataset, LabelledFolder
from captcha_core.errors import counted

from ..terminal import note

label_pattern_option = click.option(
    "--label-pattern",
    default="",
    metavar="REGEX",
    help="Where the label stands in the file names of a folder, as a group: '_(?P<label>[^_.]+)'. "
    "With a / in it, it is searched in the path.",
)


def describe_labels(images: Dataset | LabelledFolder) -> dict[str, Any]:
    """Return how the labels of a folder were found; nothing for a generated dataset."""
    return images.describe() if isinstance(images, LabelledFolder) else {}


def show_labels(images: Dataset | LabelledFolder) -> None:
    """Say which rule gave the labels of a folder, with the first of them, and what is left out."""
    labelling = describe_labels(images)
    if not labelling:
        return
    url = images.folder.url
    note(f"{counted(labelling['images'], 'labelled image')} in {url}, by {labelling['rule']}:")
    note("  " + "   ".join(f"{path} = {text}" for path, text in labelling["pairs"]))
    for reason, names in labelling["left_out"].items():
        note(f"left out: {names['count']:,} with the reason: {reason} ({_first(names)})")
    for text in labelling["notes"]:
        note(f"note: {text}")


def show_left_out(left_out: dict[str, Any]) -> None:
    """Say how many images could not be read, and which, as a training record has it."""
    if left_out["count"]:
        note(f"left out: {counted(left_out['count'], 'image')} that cannot be read:")
        for name, reason in left_out["first"].items():
            note(f"  {name}: {reason}")


def _first(names: dict[str, Any]) -> str:
    more = ", …" if names["count"] > len(names["first"]) else ""
    return ", ".join(names["first"]) + more
