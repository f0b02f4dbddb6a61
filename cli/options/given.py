"""Which options stand on the command line, so that one without an effect can be refused."""

from collections.abc import Iterable, Iterator

import click
from click.core import ParameterSource


def given(context: click.Context, names: Iterable[str] | None = None) -> Iterator[str]:
    """Yield the options that were given, of these parameters or of all, as they are written: ``--rate``."""
    for name in names_given(context, names):
        parameter = next(parameter for parameter in context.command.params if parameter.name == name)
        yield parameter.opts[0]


def names_given(context: click.Context, names: Iterable[str] | None = None) -> Iterator[str]:
    """Yield the names of the parameters that were given, of these or of all."""
    for parameter in context.command.params:
        name = parameter.name or ""
        asked_for = names is None or name in tuple(names)
        if asked_for and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            yield name
