"""The type of options that take a fraction within bounds."""

import math
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """A range without ``nan``, which lies within all bounds since it compares with none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a valid {self.name}.", param, ctx)
        return number
