"""`--checkpoint auto`: the network is chosen by the images, and standard error says which and why."""

from collections.abc import Callable

import click

from captcha_core.errors import MissingExtraError
from captcha_core.networks import checkpoint
from captcha_core.solving.selection import AUTO, Selection

from ..terminal import note
from . import completion

checkpoint_or_auto_option = click.option(
    "--checkpoint",
    "name",
    metavar="DIR|NAME|auto",
    default=AUTO,
    show_default=True,
    shell_complete=completion.checkpoints_or("auto"),
    help="Network to read with: a folder that `capq train` made, a shipped name, or auto for the shipped "
    "one that reads a sample of the images with the most confidence.",
)


def selected(name: str, select: Callable[[], Selection]) -> Selection:
    """Return the network that `--checkpoint` names, or for ``auto`` the one that `select` chooses.

    Where no network runs on this machine, since others read for it, that is the default one.
    """
    if name != AUTO:
        return Selection(name, "it was named")
    try:
        selection = select()
    except MissingExtraError as error:
        selection = Selection(checkpoint.DEFAULT, f"the default, since no sample can be read here: {error}")
    note(f"{selection.checkpoint}: {selection.reason}")
    if selection.warning:
        note(f"warning: {selection.warning}; to train one for them: capq train ./labelled")
    return selection
