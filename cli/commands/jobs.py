"""`capq jobs`, `status`, `wait`, `cancel`, `retry` and `result`: looking at jobs and steering them."""

import contextlib
import importlib
import time
from typing import NoReturn

import click

from workers.errors import JobError
from workers.kinds import KINDS
from workers.ledger.job import Job, State
from workers.ledger.ledger import Ledger
from workers.units.publishing import publish_again

from ..advice import advise_on_unit
from ..job.listing import hold_publishing, stop_listing
from ..job.progress import describe
from ..job.session import session
from ..job.submission import Show, detach_option, report, run_listed, watch
from ..options import completion
from ..terminal import duration, json_option, note, print_fields, print_json, print_table, say
from . import COMMANDS

_MAX_ERRORS = 20


@click.command()
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first."
)
@json_option
def jobs(limit: int, as_json: bool) -> None:
    """List jobs, newest first."""
    with session() as ledger:
        listed = list(ledger.jobs(limit))
    if as_json:
        print_json(listed)
    elif not listed:
        say("no jobs yet: start one with `capq generate`, `capq train` or `capq solve-dir`")
    else:
        rows = [(job.id, job.state.value, _ago(job.created), describe(job)) for job in listed]
        print_table(("job", "state", "created", "progress"), rows)


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
        watch(ledger, job_id, as_json=as_json, show=_show(ledger.get(job_id).kind))


@click.command()
@click.argument("job_id", metavar="JOB", shell_complete=completion.job_ids)
@json_option
def cancel(job_id: str, as_json: bool) -> None:
    """Stop a job; what is finished stays, and `capq retry` goes on with the rest."""
    with session() as ledger:
        ledger.get(job_id)
        if not ledger.close(job_id, State.CANCELLED):
            raise JobError(f"{job_id} has already ended: {ledger.get(job_id).state}")
        job = ledger.get(job_id)
    if as_json:
        print_json(job)
    else:
        say(f"{job_id} cancelled after {describe(job)}")


@click.command()
@click.argument("job_id", metavar="JOB", shell_complete=completion.job_ids)
@detach_option
@json_option
def retry(job_id: str, detach: bool, as_json: bool) -> None:
    """Run the failed units of a job again, and those a cancelled one never ran."""
    with session() as ledger:
        job = ledger.get(job_id)
        if job.state is State.DONE or (not job.state.closed and not job.dead):
            raise JobError(f"{job_id} has no failed units: it is {job.state}")
        unlisted = job.total < 0 and not KINDS[job.kind].sequential
        if unlisted and not ledger.is_publishing(job_id):
            _go_on_listing(ledger, job, detach=detach, as_json=as_json)
        count = publish_again(ledger, job_id)
        note(f"{count:,} {KINDS[job.kind].units} to run again")
        if detach:
            if as_json:
                print_json(ledger.get(job_id))
            return
        watch(ledger, job_id, as_json=as_json, show=_show(job.kind))


@click.command()
@click.argument("job_id", metavar="JOB", shell_complete=completion.job_ids)
@json_option
def result(job_id: str, as_json: bool) -> None:
    """Print what an ended job made: where it lies, how much, how good."""
    with session() as ledger:
        job = ledger.get(job_id)
        if not job.state.closed:
            raise JobError(f"{job_id} is still {job.state}: capq wait {job_id}")
        report(ledger, job, as_json=as_json, show=_show(job.kind))
    raise SystemExit(job.exit_code)


def _go_on_listing(ledger: Ledger, job: Job, *, detach: bool, as_json: bool) -> NoReturn:
    """Run a job again that ended while its units were being listed, and list the rest."""
    kind = KINDS[job.kind]
    publisher = hold_publishing(ledger, job)
    with contextlib.ExitStack() as stack:
        stack.callback(stop_listing, ledger, job, publisher)
        units = kind.listing(kind.request_type.model_validate(job.request), publisher.check)
        publish_again(ledger, job.id)
        note(f"{job.id}: the listing of its images goes on")
        run_listed(ledger, job, units, publisher, detach=detach, as_json=as_json, show=_show(job.kind))


def _show(kind: str) -> Show:
    """Return `show` of the command that starts jobs of a kind."""
    module, _, _ = COMMANDS[KINDS[kind].command].partition(":")
    show: Show = importlib.import_module(module).show
    return show


def _has_fields(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_has_fields, value)))


def _as_dict(job: Job) -> dict[str, object]:
    return {name: getattr(job, name) for name in Job.__dataclass_fields__}


def _ago(moment: float) -> str:
    return f"{duration(time.time() - moment)} ago"
