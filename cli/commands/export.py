"""`capq export`."""

from dataclasses import asdict
from pathlib import Path

import click

from captcha_core import exporting
from captcha_core.engines import ONNX_INT8
from captcha_core.exporting import Export
from captcha_core.networks import checkpoint

from ..options.location import absolute
from ..terminal import busy, counted, interval, json_option, print_json, print_table, say, share, shown


@click.command()
@click.argument("name", metavar="CHECKPOINT")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(exporting.FILES)),
    default="onnx",
    show_default=True,
    help="onnx: float32; onnx-int8: 8-bit integers, faster; torch-export: for PyTorch without capq.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write; by default into the checkpoint's folder, where solving on a CPU takes ONNX up.",
)
@click.option(
    "--dataset",
    metavar="DIR|URL",
    help="Labelled images to check with, instead of fresh ones of the spec the network was trained on.",
)
@click.option(
    "--images",
    type=click.IntRange(8, 1_000_000),
    default=4000,
    show_default=True,
    help="Images to check with; onnx-int8 takes up to a quarter as many more to calibrate.",
)
@json_option
def export(
    name: str, format_name: str, out: Path | None, dataset: str | None, images: int, as_json: bool
) -> None:
    """Write the network of CHECKPOINT, a folder or a shipped name, to one file, in this process.

    The file is loaded and compared with the original on real images before it is put in
    place: in float32 no logit may differ; for int8 the table shows what it costs.

    \b
    capq export model
    capq export model --format onnx-int8
    capq export lepture-170x80 --out reader.onnx
    """
    found = checkpoint.load(name)
    with busy("exporting and checking"):
        done = exporting.export(
            found, format_name, out, images=images, dataset=None if dataset is None else absolute(dataset)
        )
    if as_json:
        print_json(_figures(done))
    else:
        _show(done)


def _show(done: Export) -> None:
    found = done.comparison
    say(f"{done.path}  {done.bytes / 1e6:.2f} MB")
    calibrated = f", calibrated on {counted(done.calibration, 'other')}" if done.calibration else ""
    say(f"compared on {shown(found.images)} {found.origin}{calibrated}")
    rows = []
    for each in (found.reference, found.exported):
        accuracy = each.accuracy.summary()
        rows.append((each.engine, share(accuracy), interval(accuracy), round(each.speed)))
    print_table(("engine", "whole images", "95 % interval", "images/s here"), rows)
    say(
        f"the same text for {shown(found.same_texts)} of {shown(found.images)}; "
        f"largest difference of a logit {found.largest_difference:.2g} (of {found.largest_logit:.3g})"
    )
    if done.format == ONNX_INT8:
        lost = found.reference.accuracy.right - found.exported.accuracy.right
        say(f"int8 reads {counted(abs(lost), 'image')} {'fewer' if lost > 0 else 'more'} without a fault")


def _figures(done: Export) -> dict[str, object]:
    found = done.comparison
    engines = [
        {"engine": each.engine, "accuracy": each.accuracy.summary(), "images_per_second": each.speed}
        for each in (found.reference, found.exported)
    ]
    compared = {key: value for key, value in asdict(found).items() if key not in ("reference", "exported")}
    return {
        "path": str(done.path),
        "format": done.format,
        "bytes": done.bytes,
        "calibration": done.calibration,
        **compared,
        "engines": engines,
    }
