"""`capq`: the commands, and how their errors reach the user."""

import gc
import importlib
import io
import re
import sys
from typing import Any

import click

import captcha_core
from captcha_core.errors import CapqError

from .advice import advise
from .commands import COMMANDS

_EMPTY_OPTION = re.compile("--[a-z-]+=")


class Refusal(click.ClickException):
    """A CapqError as the user sees it: one line with what to do about it, exit code 2."""

    exit_code = 2


class Commands(click.Group):
    """Loads a command's module when it is asked for, so that `capq jobs` never waits for torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        # What is imported stays to the end. The collector would look through it again and again
        # while it grows, and when the process ends: together a third of what a short command takes.
        gc.disable()
        try:
            command: click.Command = getattr(importlib.import_module(module), name)
        finally:
            gc.freeze()
            gc.enable()
        return command

    def main(self, *args: Any, **extra: Any) -> Any:
        # What a terminal's or pipe's encoding lacks, and bytes of file names in none, are spelt out.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        return super().main(*args, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # As a shell makes it of a variable without a value. As a path it would mean the current folder.
        for argument in () if ctx.resilient_parsing else args:
            if not argument or _EMPTY_OPTION.fullmatch(argument):
                where = f"{argument[:-1]} has an empty value" if argument else "an argument is empty"
                raise click.UsageError(f"{where}: leave it out, or see whether a variable in it is set", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CapqError as error:
            command = self.get_command(ctx, ctx.invoked_subcommand or "") or self
            raise Refusal(_one_line(advise(error, command))) from None
        except BrokenPipeError:
            raise
        except OSError as error:  # of the environment: a path that is none, a full disk, no permission
            raise Refusal(_one_line(_described(error))) from None


def _one_line(message: str) -> str:
    """Return a message in which the control characters of file names are spelt out."""
    from captcha_core.labels.listing import printable  # here: no other command needs what it brings

    return printable(message)


def _described(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


def _show_version(ctx: click.Context, _parameter: click.Parameter, requested: bool) -> None:
    if requested and not ctx.resilient_parsing:
        click.echo(f"capq, version {captcha_core.__version__}")
        ctx.exit()


@click.command(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Render labelled text CAPTCHAs, train networks on them, read directories of them.

    \b
    capq generate --shards 50 --out data      50 shards of labelled images
    capq train data --out model               a network that reads them
    capq solve-dir ./images --out texts.csv   what the images say

    Work runs on Celery workers over Redis. With CAPQ_REDIS_URL unset, capq brings up a
    private Redis and workers on this machine when they are needed.

    Exit codes: 0 done; 1 the job failed or has failed units; 2 wrong use; 130 detached.
    """
