"""`--checkpoint auto`: the network is chosen by the images, and standard error says which and why."""

from collections.abc import Callable

import click

from captcha_core.codecs.options import Decoding
from captcha_core.errors import MissingExtraError
from captcha_core.networks import checkpoint
from captcha_core.solving.selection import AUTO, Selection
from captcha_core.spec import charset as charsets

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


def selected(name: str, decoding: Decoding, select: Callable[[], Selection]) -> Selection:
    """Return the network that `--checkpoint` names, or for ``auto`` the one that `select` chooses.

    A named one decodes as the options say; ``auto`` may leave out what does not occur.

    Where no network runs on this machine, since others read for it, that is the default one.
    """
    if name != AUTO:
        return Selection(name, "it was named", decoding)
    try:
        selection = select()
    except MissingExtraError as error:
        reason = f"the default, since no sample can be read here: {error}"
        selection = Selection(checkpoint.DEFAULT, reason, decoding)
    note(f"{selection.checkpoint}: {selection.reason}")
    if selection.narrowed:
        note(_narrowing(selection, decoding))
    if selection.warning:
        note(f"warning: {selection.warning}; to train one for them: capq train ./labelled")
    return selection


def _narrowing(selection: Selection, given: Decoding) -> str:
    """Say which characters and lengths alone are read, and with which options all would be."""
    narrow, problem = selection.decoding, selection.trials[0].problem
    lengths = narrow.lengths if not given.lengths else None
    charset = narrow.charset if not given.charset else None
    read = Decoding(lengths=lengths, charset=charset).options
    everything = Decoding(
        lengths=lengths and problem.lengths, charset=charset and charsets.name(problem.charset)
    )
    return f"read with {read}: nothing else occurs in the sample; to read everything: {everything.options}"
