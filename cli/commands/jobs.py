"""`capq jobs`, `status`, `wait` and `result`: looking at jobs."""

import time
from typing import TYPE_CHECKING

import click

from workers.errors import JobError
from workers.kinds import KINDS
from workers.ledger.job import Job, State

from ..advice import advise_on_unit
from ..job.live import check_live, refresh
from ..job.progress import describe
from ..job.session import session
from ..job.submission import report, watch
from ..options import completion
from ..options.given import given
from ..options.job_filter import JobFilter, kind_option, state_option
from ..terminal import console, duration, json_option, print_fields, print_json, say, table
from . import results_printer
from .steering import delete

if TYPE_CHECKING:
    from rich.table import Table

_WATCH_SECONDS = 1.0
_MAX_ERRORS = 20


@click.group(invoke_without_command=True)
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first."
)
@state_option(State)
@kind_option
@click.option("--watch", "watching", is_flag=True, help="Show the list until Ctrl-C, as it changes.")
@json_option
@click.pass_context
def jobs(
    ctx: click.Context,
    limit: int,
    states: tuple[str, ...],
    kinds: tuple[str, ...],
    watching: bool,
    as_json: bool,
) -> None:
    """List jobs, newest first.

    \b
    capq jobs --state failed --kind solve
    capq jobs --watch
    """
    if ctx.invoked_subcommand:
        for option in given(ctx):
            raise click.UsageError(f"{option} belongs behind `capq jobs {ctx.invoked_subcommand}`")
        return
    job_filter = JobFilter.from_options(states, kinds)
    if watching:
        _watch_list(job_filter, limit, as_json=as_json)
        return
    with session() as ledger:
        listed = job_filter.jobs(ledger, limit)
    if as_json:
        print_json(listed)
    elif listed:
        console().print(_list(listed))
    elif job_filter:
        say("no such jobs")
    else:
        say("no jobs yet: start one with `capq generate`, `capq train` or `capq solve-dir`")


jobs.add_command(delete)


@click.command()
@click.argument("job_id", metavar="JOB", shell_complete=completion.job_ids)
@json_option
def status(job_id: str, as_json: bool) -> None:
    """Show one job: state, progress, failed units and why."""
    with session() as ledger:
        job = ledger.get(job_id)
        errors, causes = ledger.errors(job_id), ledger.causes(job_id)
    if as_json:
        print_json(_as_dict(job) | {"errors": errors})
        return
    print_fields(
        {"job": job.id, "state": job.state.value, "progress": describe(job), "created": _ago(job.created)}
        | ({"error": job.error} if job.error else {})
        | {name: value for name, value in job.summary.items() if not _has_fields(value)}
    )
    for unit, error in list(errors.items())[:_MAX_ERRORS]:
        say(f"  {KINDS[job.kind].unit} {unit}: {advise_on_unit(error, causes.get(unit, ''))}")
    if len(errors) > _MAX_ERRORS:
        say(f"  … and {len(errors) - _MAX_ERRORS:,} more: capq status {job.id} --json")


@click.command()
@click.argument("job_id", metavar="JOB", shell_complete=completion.job_ids)
@json_option
def wait(job_id: str, as_json: bool) -> None:
    """Watch a job until it ends; exits with 0 when all went well, 1 otherwise.

    Ctrl-C ends the watching, not the job.
    """
    with session() as ledger:
        watch(ledger, job_id, as_json=as_json, show=results_printer(ledger.get(job_id).kind))


@click.command()
@click.argument("job_id", metavar="JOB", shell_complete=completion.job_ids)
@json_option
def result(job_id: str, as_json: bool) -> None:
    """Print what an ended job made: where it lies, how much, how good."""
    with session() as ledger:
        job = ledger.get(job_id)
        if not job.state.closed:
            raise JobError(f"{job_id} is still {job.state}: capq wait {job_id}")
        report(ledger, job, as_json=as_json, show=results_printer(job.kind))
    raise SystemExit(job.exit_code)


def _watch_list(job_filter: JobFilter, limit: int, *, as_json: bool) -> None:
    """Show the list until Ctrl-C; of more jobs than there are lines, the newest."""
    if as_json:
        raise click.UsageError("--watch shows the list to people: leave out --json")
    check_live("--watch")
    with session() as ledger:
        rows = max(1, console().height - 1)
        refresh(lambda: _list(job_filter.jobs(ledger, min(limit, rows))), _WATCH_SECONDS)


def _list(listed: list[Job]) -> "Table":
    rows = [(job.id, job.state.value, _ago(job.created), describe(job)) for job in listed]
    return table(("job", "state", "created", "progress"), rows)


def _has_fields(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_has_fields, value)))


def _as_dict(job: Job) -> dict[str, object]:
    return {name: getattr(job, name) for name in Job.__dataclass_fields__}


def _ago(moment: float) -> str:
    return f"{duration(time.time() - moment)} ago"
