"""The options that a training was begun with: one that goes on with it cannot have others."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from captcha_core.spec import load
from captcha_core.storage import absolute

from .given import names_given

_PATHS = ("dataset", "tensorboard", "initial", "unlabelled")


def recorded_options(dataset: str | None, fresh: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides a run as the command line has it, to be kept with the run."""
    values = {"dataset": dataset, "fresh": load(fresh).digest if fresh else None, **options}
    return {name: _absolute(name, value) for name, value in values.items()}


def check_same_options(context: click.Context, begun_with: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse options, given now, that differ from those that a run was begun with: they have no effect.

    Raises
    ------
    click.UsageError
        With the first option that differs.
    """
    for name in names_given(context, now):
        if now[name] != begun_with.get(name):
            option = _as_written(context, name)
            raise click.UsageError(
                f"--resume goes on with the run as it was begun, {_described(option, begun_with.get(name))}: "
                f"leave {option} out, or begin another run with another --out"
            )


def _absolute(name: str, value: Any) -> Any:
    """Return a value as it is meant in every folder; a checkpoint may also be the name of a shipped one."""
    if name not in _PATHS or value is None or (name == "initial" and not Path(value).expanduser().is_dir()):
        return value
    return absolute(value)


def _as_written(context: click.Context, name: str) -> str:
    parameter = next(parameter for parameter in context.command.params if parameter.name == name)
    return parameter.opts[0] if isinstance(parameter, click.Option) else parameter.human_readable_name


def _described(option: str, value: Any) -> str:
    if value in (None, False, ""):
        return f"without {option}"
    return f"with {option}" if value is True else f"with {option} {value}"
