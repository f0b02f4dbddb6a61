"""`capq top` from its first look to Ctrl-C."""

import time

import redis
from rich.console import RenderableType

from workers.ledger import connection

from ..job.live import can_be_live, refresh
from ..terminal import console
from .overview import OverviewReader
from .rates import Rates
from .view import draw

_SECONDS = 1.0


def print_once(reader: OverviewReader, address: str) -> None:
    """Print what there is now, in lines of any length where there is no terminal."""
    output = console()
    output.print(draw(reader.read(), Rates(), output, address=address))


def watch(reader: OverviewReader, address: str) -> None:
    """Show what there is, every second until Ctrl-C; printed once where no terminal can be drawn over.

    When Redis goes away, what was shown last stays, with a line that says so.
    """
    if not can_be_live():
        print_once(reader, address)
        return
    rates, overview = Rates(), reader.read()
    rates.add(time.monotonic(), overview.images)

    def look() -> RenderableType:
        nonlocal overview
        problem = ""
        try:
            overview = reader.read()
            rates.add(time.monotonic(), overview.images)
        except redis.RedisError as error:
            if not connection.passes(error):
                raise
            problem = f"Redis does not answer ({connection.reason(error)})"
        output = console()
        return draw(overview, rates, output, address=address, height=output.height, problem=problem)

    refresh(look, _SECONDS)
