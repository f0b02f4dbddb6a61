"""`capq local`: starting, stopping and looking at the embedded runtime."""

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
    embedded.start(_embedded_settings())
    say(f"running (process {embedded.status(settings()).pid}), data in {settings().home}")


@local.command()
def stop() -> None:
    """End it after the running units; jobs go on when it starts again."""
    say("stopped" if embedded.stop(_embedded_settings()) else "it was not running")


@local.command()
@json_option
def status(as_json: bool) -> None:
    """Tell whether it runs, and which processes it has."""
    runtime = embedded.status(_embedded_settings())
    if as_json:
        print_json(asdict(runtime) | {"home": str(settings().home)})
    elif runtime.pid is None:
        say(f"not running; data in {settings().home}")
    else:
        print_fields(
            {"supervisor": str(runtime.pid), "server": runtime.server}
            | {name: str(pid) for name, pid in runtime.children.items()}
            | {"data": str(settings().home)}
        )


def _embedded_settings() -> Settings:
    configured = settings()
    if not configured.embedded:
        raise click.UsageError(
            "CAPQ_REDIS_URL is set, so commands use that Redis; unset it for the embedded runtime"
        )
    return configured
