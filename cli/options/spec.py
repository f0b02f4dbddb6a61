"""The options from which a spec is made, shared by the commands that render."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from captcha_core.spec import Spec, charset, load, presets

from ..terminal import note
from . import completion

R = TypeVar("R")

FIELDS = ("width", "height", "lengths", "charset", "distinct", "image_format")


def spec_options(command: Callable[..., R]) -> Callable[..., R]:
    """Add the options, and replace them among the command's arguments by one `spec`."""

    @click.option(
        "--spec",
        "base",
        metavar="NAME|FILE",
        default="default",
        show_default=True,
        shell_complete=completion.specs,
        help=f"What the other options change: {', '.join(presets())}, or a JSON file of a spec.",
    )
    @click.option("--width", type=int, help="Pixels.  [default: 170]")
    @click.option("--height", type=int, help="Pixels.  [default: 80]")
    @click.option(
        "--length", "lengths", metavar="N|MIN-MAX", help="Characters a text has: 4, or 4-6.  [default: 4]"
    )
    @click.option(
        "--charset",
        metavar="NAME|CHARS",
        help="digits, upper, lower, alnum-upper, alnum-lower, alnum, or the characters themselves."
        "  [default: alnum-upper]",
    )
    @click.option(
        "--distinct/--repeat", default=None, help="Whether a text may repeat a character.  [default: repeat]"
    )
    @click.option("--image-format", type=click.Choice(["jpeg", "png"]), help="[default: jpeg]")
    @functools.wraps(command)
    def with_spec(*args: Any, base: str, **options: Any) -> R:
        values = {name: options.pop(name) for name in FIELDS}
        if values["charset"] is not None:
            values["charset"] = charset.parse_given(values["charset"])
        changes = {name: value for name, value in values.items() if value is not None}
        return command(*args, spec=with_fonts(load(base).replaced(**changes)), **options)

    return with_spec


def with_fonts(spec: Spec) -> Spec:
    """Return the spec with fonts named that have all its characters.

    It says so before all fonts of the machine are looked at.

    Raises
    ------
    SpecError
        When a font of the spec lacks a character, or no font here has them all.
    """
    from captcha_core.rendering import check_glyphs, pinned

    if spec.medley is None or spec.medley.fonts is not None:
        check_glyphs(spec)
        return spec
    note("fonts of this machine are drawn from; the first time, each is checked, which can take a minute")
    return pinned(spec)


def describe(spec: Spec) -> str:
    """Return a spec in one line."""
    low, high = spec.lengths
    length = str(low) if low == high else f"{low}-{high}"
    distinct = "distinct " if spec.distinct else ""
    looks = f", looks of {len(spec.medley.fonts)} fonts" if spec.medley and spec.medley.fonts else ""
    characters = f"{length} {distinct}characters of {spec.charset}"
    return f"{spec.width}×{spec.height} {spec.image_format}, {characters}{looks}"
