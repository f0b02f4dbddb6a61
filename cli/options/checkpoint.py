"""Checkpoints on the command line."""

from pathlib import Path

import click

from captcha_core.errors import ImageError
from captcha_core.images.files import read_file, size_from_header
from captcha_core.networks import checkpoint
from captcha_core.networks.checkpoint import Model
from captcha_core.storage import absolute

from ..terminal import note
from . import completion

checkpoint_option = click.option(
    "--checkpoint",
    "name",
    metavar="DIR|NAME",
    default=checkpoint.DEFAULT,
    show_default=True,
    shell_complete=completion.checkpoints,
    help="Network to read with: a folder that `capq train` made, or a shipped name.",
)


def resolve_checkpoint(name: str) -> tuple[str, Model]:
    """Return the path or name by which workers open a checkpoint, and its model.

    Raises
    ------
    CheckpointError
        When no checkpoint has this name, or its description is damaged.
    """
    folder = checkpoint.find(name)
    shipped = name in checkpoint.shipped() and not (Path(name) / checkpoint.MODEL_FILE).is_file()
    return name if shipped else absolute(name), checkpoint.describe(folder)


def warn_of_size(image: str | Path | bytes | ImageError, model: Model, *, name: str = "") -> None:
    """Note that an image has to be resized, which makes it hard to read for a network of one size."""
    if model.trained_on_resized or isinstance(image, ImageError):
        return
    try:
        data = image if isinstance(image, bytes) else read_file(image)
        if size_from_header(data) == model.problem.size:
            return
        # Here, so that Pillow is only loaded where the file's header does not tell the size.
        from captcha_core.images.decoding import read_size

        width, height = read_size(data)
    except ImageError:
        return  # the error is in the image's row of the results
    if (width, height) != model.problem.size:
        label = name or ("an image" if isinstance(image, bytes) else Path(image).name)
        note(
            f"{label} is {width}×{height} and this network reads "
            f"{model.problem.size[0]}×{model.problem.size[1]}: images are "
            "resized, which it was not trained for; give the --checkpoint of one that was"
        )
