"""`capq solve`."""

from dataclasses import asdict

import click

from captcha_core.codecs.figures import probability_text
from captcha_core.codecs.options import Decoding
from captcha_core.inputs.lists import open_files
from captcha_core.solving.selection import select_checkpoint
from captcha_core.storage import as_path

from ..options.checkpoint import warn_of_size
from ..options.decoding import (
    beam_option,
    charset_option,
    check_beam,
    ignore_case_option,
    length_option,
)
from ..options.selection import checkpoint_or_auto_option, selected
from ..terminal import json_option, print_json, print_table


@click.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@checkpoint_or_auto_option
@length_option
@beam_option
@charset_option
@ignore_case_option
@json_option
def solve(
    *,
    files: tuple[str, ...],
    name: str,
    lengths: tuple[int, int] | None,
    beam: int | None,
    charset: str | None,
    ignore_case: bool,
    as_json: bool,
) -> None:
    """Read a few images, files or URLs (s3://…), at once, in this process, without Redis.

    Exits with 1 when one of them cannot be read.

    \b
    capq solve captcha.png
    capq solve --json *.png
    capq solve --charset digits --length 6 captcha.png
    """
    from captcha_core.solving.solver import Solver

    decoding = Decoding(lengths=lengths, beam=beam, charset=charset, ignore_case=ignore_case)
    images = list(open_files(files))
    selection = selected(name, decoding, lambda: select_checkpoint(images, decoding=decoding))
    network = Solver.load_for(selection)
    check_beam(network.checkpoint.model, beam)
    if not selection.trials:  # else the sample has shown what it makes of other sizes
        warn_of_size(images[0], network.checkpoint.model, name=as_path(files[0]).name)
    readings = list(network.stream(images))
    if as_json:
        print_json([{"path": path} | asdict(reading) for path, reading in zip(files, readings, strict=True)])
    else:
        rows = [
            (
                path,
                reading.text,
                "" if reading.error else probability_text(reading.confidence),
                reading.error or "",
            )
            for path, reading in zip(files, readings, strict=True)
        ]
        print_table(("path", "text", "confidence", "error"), rows)
    raise SystemExit(int(any(reading.error for reading in readings)))
