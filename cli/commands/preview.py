"""`capq preview`."""

import io
import itertools
import os
import sys
from collections.abc import Iterable

import click
import numpy as np
import numpy.typing as npt
from PIL import Image

from captcha_core.datasets import LabelOptions, Sample, open_labelled
from captcha_core.errors import DatasetError, ImageError, counted
from captcha_core.images.decoding import decode
from captcha_core.rendering import open_renderer
from captcha_core.reports.canvas import check_format
from captcha_core.reports.contact_sheet import contact_sheet
from captcha_core.spec import Spec
from captcha_core.storage import MarkedFile, absolute
from captcha_core.storage.overlap import check_apart

from ..options.given import given
from ..options.labels import label_pattern_option, show_labels
from ..options.overwrite import overwrite_option
from ..options.spec import FIELDS, describe, spec_options
from ..terminal import console, note, say


@click.command()
@click.argument("dataset", required=False)
@click.option(
    "--out",
    default="preview.png",
    show_default=True,
    metavar="FILE|URL",
    help="Picture to write: .png.",
)
@click.option(
    "--count", type=click.IntRange(1, 1000), default=24, show_default=True, help="Images on the sheet."
)
@click.option("--columns", type=click.IntRange(1, 100), help="Images in a row.")
@click.option("--seed", type=click.IntRange(0, (1 << 63) - 1), default=0, show_default=True)
@label_pattern_option
@overwrite_option
@spec_options
@click.pass_context
def preview(  # noqa: PLR0913 (one argument an option)
    context: click.Context,
    /,
    *,
    spec: Spec,
    dataset: str | None,
    out: str,
    count: int,
    columns: int | None,
    seed: int,
    overwrite: bool,
    label_pattern: str,
) -> None:
    """Draw a contact sheet, of what the options would generate or of a labelled DATASET.

    \b
    capq preview --length 4-6 --charset alnum
    capq preview ./dataset --count 60
    """
    check_format(out, (".png",))
    if dataset:
        _refuse_options_of_specs(context)
        check_apart([out], [dataset])
    elif label_pattern:
        raise click.UsageError("--label-pattern is of labelled images: give their DATASET")
    subject = absolute(dataset) if dataset else f"{spec.digest} {seed}"
    file = MarkedFile(out, "preview", subject, overwrite)
    file.check()
    if dataset:
        labelled = open_labelled(absolute(dataset), LabelOptions(pattern=label_pattern))
        show_labels(labelled)
        images, texts = _decoded(itertools.islice(iter(labelled), count))
    else:
        note(describe(spec))
        rendered, texts = open_renderer(spec, "pillow").batch(seed, 0, 0, count)
        images = list(rendered)
    sheet = contact_sheet(images, texts, columns)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    file.write(buffer.getvalue())
    _show(sheet)
    say(f"{counted(len(images), 'image')}: {out}")


def _refuse_options_of_specs(context: click.Context) -> None:
    """Refuse options that have no effect on images that are there already."""
    for name in given(context, (*FIELDS, "base", "seed")):
        raise click.UsageError(f"{name} is of images to be drawn: leave it out, or leave DATASET out")


def _decoded(samples: Iterable[Sample]) -> tuple[list[npt.NDArray[np.uint8]], list[str]]:
    """Decode samples; those that cannot be are passed over, and named.

    Raises
    ------
    DatasetError
        When none can be.
    """
    images, texts = [], []
    for sample in samples:
        try:
            images.append(decode(sample.image))
            texts.append(sample.text)
        except ImageError as error:
            note(f"left out: {sample.key}.{sample.extension}: {error}")
    if not images:
        raise DatasetError("there is no labelled image that can be read")
    return images, texts


def _show(sheet: Image.Image) -> None:
    """Show the sheet in a terminal that can: by Kitty's or Sixel graphics."""
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return
    try:
        from textual_image import renderable
    except ImportError:
        return
    if issubclass(renderable.Image, renderable.TGPImage | renderable.SixelImage):
        console().print(renderable.Image(sheet))
