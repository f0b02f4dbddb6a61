"""Time spans on the command line."""

import re
from typing import Any

import click

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType[float]):
    """``90``, ``90s``, ``15m``, ``2h`` or ``1.5d``, as seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", value.strip())
        if not found or float(found[1]) <= 0:
            self.fail(f"{value!r} is no time: use 90s, 15m or 2h", param, ctx)
        return float(found[1]) * _SECONDS[found[2]]
