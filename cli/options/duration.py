"""The type of options that take a time span."""

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
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", value.strip())
        if not match or float(match[1]) <= 0:
            self.fail(f"{value!r} is no time: use 90s, 15m or 2h", param, ctx)
        return float(match[1]) * _SECONDS[match[2]]
