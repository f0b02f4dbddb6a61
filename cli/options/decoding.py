"""The options for decoding a network's outputs to texts."""

import click

from captcha_core import networks
from captcha_core.errors import CheckpointError
from captcha_core.networks.checkpoint import Model
from captcha_core.spec import charset, parse_lengths


def check_beam(model: Model, beam: int | None) -> None:
    """Refuse --beam for a network whose texts are not searched for: it would have no effect.

    Raises
    ------
    CheckpointError
        When the network is not of the kind ctc.
    """
    if beam is not None and networks.find(model.architecture).codec_module != "ctc":
        raise CheckpointError(
            f"a beam is for ctc networks, and this one is {model.architecture}: leave --beam out"
        )


def _lengths(context: click.Context, option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    return None if value is None else parse_lengths(value)


def _characters(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    return None if value is None else charset.parse_given(value)


length_option = click.option(
    "--length",
    "lengths",
    metavar="N|MIN-MAX",
    callback=_lengths,
    help="Characters that every text has, where you know it more closely than the network: 5, or 4-5.",
)

beam_option = click.option(
    "--beam",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Search for the most probable text with N beams where the network is in doubt (ctc networks).",
)

charset_option = click.option(
    "--charset",
    metavar="NAME|CHARS",
    callback=_characters,
    help=f"Read these characters only: {', '.join(charset.NAMED)}, or the characters themselves.",
)

ignore_case_option = click.option(
    "--ignore-case",
    is_flag=True,
    help="Read upper and lower case of a letter as one, and compare texts with labels likewise: texts are "
    "spelt as in --charset, else in the case that the network's charset has first.",
)
