"""Checkpoints on the command line."""

from pathlib import Path

import click

from captcha_core import checkpoint
from captcha_core.checkpoint import Model

from .locations import absolute

checkpoint_option = click.option(
    "--checkpoint",
    "name",
    metavar="DIR|NAME",
    default=checkpoint.DEFAULT,
    show_default=True,
    help="Network to read with: a folder that `capq train` made, or a shipped name.",
)


def chosen(name: str) -> tuple[str, Model]:
    """Return a checkpoint as the workers find it, and its model.

    Raises
    ------
    CheckpointError
        When there is none, or its description is damaged.
    """
    folder: Path = checkpoint.find(name)
    shipped = name in checkpoint.shipped() and not (Path(name) / checkpoint.MODEL_FILE).is_file()
    return name if shipped else absolute(name), checkpoint.describe(folder)
