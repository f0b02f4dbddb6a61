"""`capq preview`."""

import itertools
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
from PIL import Image

from captcha_core.datasets import LabelOptions, Sample, open_labelled
from captcha_core.errors import DatasetError, ImageError, counted
from captcha_core.images.decoding import decode
from captcha_core.rendering import open_renderer
from captcha_core.reports.contact_sheet import contact_sheet
from captcha_core.spec import Spec
from captcha_core.storage import absolute

from ..options.labels import label_pattern_option, show_labels
from ..options.spec import describe, spec_options
from ..terminal import console, note, say


@click.command()
@click.argument("dataset", required=False)
@click.option(
    "--out", "file", default="preview.png", show_default=True, type=click.Path(path_type=Path), metavar="FILE"
)
@click.option(
    "--count", type=click.IntRange(1, 1000), default=24, show_default=True, help="Images on the sheet."
)
@click.option("--columns", type=click.IntRange(1, 100), help="Images in a row.")
@click.option("--seed", type=click.IntRange(0, (1 << 63) - 1), default=0, show_default=True)
@label_pattern_option
@spec_options
def preview(
    *,
    spec: Spec,
    dataset: str | None,
    file: Path,
    count: int,
    columns: int | None,
    seed: int,
    label_pattern: str,
) -> None:
    """Draw a contact sheet, of what the options would generate or of a labelled DATASET.

    \b
    capq preview --length 4-6 --charset alnum
    capq preview ./dataset --count 60
    """
    if dataset:
        labelled = open_labelled(absolute(dataset), LabelOptions(pattern=label_pattern))
        show_labels(labelled)
        images, texts = _decoded(itertools.islice(iter(labelled), count))
    else:
        note(describe(spec))
        rendered, texts = open_renderer(spec, "pillow").batch(seed, 0, 0, count)
        images = list(rendered)
    sheet = contact_sheet(images, texts, columns)
    sheet.save(file)
    _show(sheet)
    say(f"{counted(len(images), 'image')}: {file}")


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
