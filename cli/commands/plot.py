"""`capq plot`."""

import click

from captcha_core.errors import counted
from captcha_core.reports import canvas
from captcha_core.storage import MarkedFile, absolute, as_path
from captcha_core.storage.overlap import check_apart
from captcha_core.training import curves, history

from ..options import completion
from ..options.overwrite import overwrite_option
from ..terminal import duration, say


@click.command()
@click.argument("checkpoint", metavar="CHECKPOINT", shell_complete=completion.checkpoints)
@click.option(
    "--out",
    default="curves.png",
    show_default=True,
    metavar="FILE|URL",
    help="Picture to write: .png or .svg.",
)
@overwrite_option
def plot(checkpoint: str, out: str, overwrite: bool) -> None:
    """Draw how a network was trained: loss, held-out error and learning rate.

    CHECKPOINT is a folder that `capq train` made, a shipped name, or a run under way: the
    folder named by its --out, or that folder with .run at its end.

    \b
    capq plot lepture-170x80
    capq plot model.run --out curves.svg
    """
    canvas.check_format(out)
    moments = history.read(checkpoint)
    check_apart([out], [folder for folder in (checkpoint, f"{checkpoint}.run") if as_path(folder).is_dir()])
    file = MarkedFile(out, "plot", absolute(checkpoint), overwrite)
    file.check()
    title = as_path(checkpoint).name
    if moments:
        title += f": {counted(moments[-1].images, 'image')} in {duration(moments[-1].seconds)}"
    file.write(canvas.encode(curves.curves(moments, title), out))
    say(f"{title}: {out}")
