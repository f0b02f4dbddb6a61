"""A view of the terminal that is drawn again and again until Ctrl-C."""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from ..terminal import console

if TYPE_CHECKING:
    from rich.console import RenderableType


def can_be_live() -> bool:
    """Tell whether standard output is a terminal in which lines can be drawn over."""
    return sys.stdout.isatty() and not console().is_dumb_terminal


def check_live(option: str) -> None:
    """Raise UsageError where a view that refreshes has no terminal."""
    if not can_be_live():
        raise click.UsageError(f"{option} needs a terminal: leave it out to print once")


def refresh(draw: Callable[[], "RenderableType"], seconds: float) -> None:
    """Show what `draw` returns, on a screen of its own, every so many seconds until Ctrl-C.

    What stood in the terminal before is there again afterwards, also after an error.
    """
    from rich.console import Console
    from rich.live import Live

    live = Live(draw(), console=Console(highlight=False), screen=True, auto_refresh=False)
    try:
        with live:
            while True:
                time.sleep(seconds)
                live.update(draw(), refresh=True)
    except KeyboardInterrupt:
        live.stop()  # one that comes within the first drawing leaves the screen as it is
