"""`capq export`."""

from dataclasses import asdict

import click

from captcha_core import exporting
from captcha_core.engines import ONNX_INT8
from captcha_core.errors import counted
from captcha_core.exporting import Export
from captcha_core.networks import checkpoint
from captcha_core.storage import absolute, as_path

from ..options import completion
from ..options.overwrite import overwrite_option
from ..terminal import busy, interval, json_option, print_json, print_table, say, share, shown


@click.command()
@click.argument("name", metavar="CHECKPOINT", shell_complete=completion.checkpoints)
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
@overwrite_option
@json_option
def export(
    name: str,
    format_name: str,
    out: str | None,
    dataset: str | None,
    images: int,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write the network of CHECKPOINT, a folder or a shipped name, to one file, in this process.

    The file is loaded and compared with the original on real images before it is put in
    place: in float32 no logit may differ; for int8 the table shows what it costs.

    \b
    capq export model
    capq export model --format onnx-int8
    capq export lepture-170x80 --out reader.onnx
    """
    network = checkpoint.load(name)
    source = None if dataset is None else absolute(dataset)
    if overwrite and out is None:
        raise click.UsageError("--overwrite is for --out: beside the weights, exports are brought up to date")
    target = None if out is None else as_path(out)
    with busy("exporting and checking"):
        written = exporting.export(
            network, format_name, target, images=images, dataset=source, overwrite=overwrite
        )
    if as_json:
        print_json(_figures(written))
    else:
        _show(written)


def _show(written: Export) -> None:
    comparison = written.comparison
    say(f"{written.path}  {written.bytes / 1e6:.2f} MB")
    calibrated = f", calibrated on {counted(written.calibration, 'other')}" if written.calibration else ""
    say(f"compared on {shown(comparison.images)} {comparison.origin}{calibrated}")
    rows = []
    for measured in (comparison.reference, comparison.exported):
        accuracy = measured.accuracy.summary()
        rows.append((measured.engine, share(accuracy), interval(accuracy), round(measured.speed)))
    print_table(("engine", "whole images", "95 % interval", "images/s here"), rows)
    say(
        f"the same text for {shown(comparison.same_texts)} of {shown(comparison.images)}; "
        f"largest difference of a logit {comparison.largest_difference:.2g} "
        f"(of {comparison.largest_logit:.3g})"
    )
    if written.format == ONNX_INT8:
        lost = comparison.reference.accuracy.right - comparison.exported.accuracy.right
        say(f"int8 reads {counted(abs(lost), 'image')} {'fewer' if lost > 0 else 'more'} without a fault")


def _figures(written: Export) -> dict[str, object]:
    comparison = asdict(written.comparison)
    del comparison["reference"], comparison["exported"]
    engines = [
        {
            "engine": measured.engine,
            "accuracy": measured.accuracy.summary(),
            "images_per_second": measured.speed,
        }
        for measured in (written.comparison.reference, written.comparison.exported)
    ]
    return {
        "path": str(written.path),
        "format": written.format,
        "bytes": written.bytes,
        "calibration": written.calibration,
        **comparison,
        "engines": engines,
    }
