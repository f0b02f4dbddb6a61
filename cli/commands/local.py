"""`capq local`: the embedded runtime by hand."""

from dataclasses import asdict

import click

from workers import embedded
from workers.settings import Settings, settings

from ..terminal import json_option, print_fields, print_json, say


@click.group()
def local() -> None:
    """The embedded runtime: a private Redis and workers on this machine.

    Commands start it when they need it, and it ends after CAPQ_IDLE_SECONDS without work.
    """


@local.command()
def start() -> None:
    """Start it now, and wait until its Redis answers."""
    embedded.start(_embedded())
    say(f"running (process {embedded.status(settings()).pid}), data in {settings().home}")


@local.command()
def stop() -> None:
    """End it after the running units; jobs go on when it starts again."""
    say("stopped" if embedded.stop(_embedded()) else "it was not running")


@local.command()
@json_option
def status(as_json: bool) -> None:
    """Tell whether it runs, and which processes it has."""
    found = embedded.status(_embedded())
    if as_json:
        print_json(asdict(found) | {"home": str(settings().home)})
    elif found.pid is None:
        say(f"not running; data in {settings().home}")
    else:
        print_fields(
            {"supervisor": str(found.pid)}
            | {k: str(v) for k, v in found.children.items()}
            | {"data": str(settings().home)}
        )


def _embedded() -> Settings:
    chosen = settings()
    if not chosen.embedded:
        raise click.UsageError(
            "CAPQ_REDIS_URL is set, so commands use that Redis; unset it for the embedded runtime"
        )
    return chosen
