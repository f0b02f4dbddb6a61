"""`capq cancel`, `retry` and `jobs delete`: one job, or all of a state or kind."""

import contextlib
import sys
from typing import NoReturn

import click

from captcha_core.errors import counted
from workers.errors import JobError, UnlistedJobError
from workers.kinds import KINDS
from workers.ledger.job import Job, State
from workers.ledger.ledger import Ledger
from workers.units.publishing import publish_again

from ..job.bulk import apply, check_named, report_bulk
from ..job.listing import hold_publishing, stop_listing
from ..job.progress import describe
from ..job.session import session
from ..job.submission import detach_option, run_listed, watch
from ..options import completion
from ..options.job_filter import ENDED, OPEN, JobFilter, kind_option, state_option
from ..terminal import json_option, note, print_json, say
from . import results_printer

_RETRIED = (State.FAILED, State.CANCELLED, State.RUNNING)


@click.command()
@click.argument("job_id", metavar="[JOB]", required=False, shell_complete=completion.job_ids)
@state_option(OPEN, missing="  [default: all that have not ended]")
@kind_option
@json_option
def cancel(job_id: str | None, states: tuple[str, ...], kinds: tuple[str, ...], as_json: bool) -> None:
    """Stop a job; what is finished stays, and `capq retry` goes on with the rest.

    Without JOB, stop all jobs of a state or kind.

    \b
    capq cancel solve-3f9a1c22aa
    capq cancel --kind solve --state queued
    """
    job_filter = JobFilter.from_options(states, kinds)
    check_named(job_id, job_filter)
    with session() as ledger:
        if job_id is None:
            jobs = [job for job in job_filter.jobs(ledger) if not job.state.closed]
            report_bulk(apply(jobs, lambda job: _cancel(ledger, job.id)), "cancelled", as_json=as_json)
            return
        job = _cancel(ledger, job_id)
    if as_json:
        print_json(job)
    else:
        say(f"{job_id} cancelled after {describe(job)}")


@click.command()
@click.argument("job_id", metavar="[JOB]", required=False, shell_complete=completion.job_ids)
@state_option(_RETRIED, missing="  [default: failed]")
@kind_option
@detach_option
@json_option
def retry(
    job_id: str | None, states: tuple[str, ...], kinds: tuple[str, ...], detach: bool, as_json: bool
) -> None:
    """Run the failed units of a job again, and those a cancelled one never ran.

    Without JOB, run those of all jobs of a state or kind again, and leave at once.

    \b
    capq retry solve-3f9a1c22aa
    capq retry --state failed --kind solve
    """
    job_filter = JobFilter.from_options(states, kinds)
    check_named(job_id, job_filter)
    with session() as ledger:
        if job_id is None:
            job_filter = JobFilter(job_filter.states or (State.FAILED,), job_filter.kinds)
            bulk = apply(job_filter.jobs(ledger), lambda job: _retry_detached(ledger, job))
            report_bulk(bulk, "running again", as_json=as_json)
            return
        job = ledger.get(job_id)
        _check_retried(job)
        if _listing_ended_early(ledger, job):
            _go_on_listing(ledger, job, detach=detach, as_json=as_json)
        count = publish_again(ledger, job_id)
        note(f"{count:,} {KINDS[job.kind].units} to run again")
        if detach:
            if as_json:
                print_json(ledger.get(job_id))
            return
        watch(ledger, job_id, as_json=as_json, show=results_printer(job.kind))


@click.command()
@click.argument("job_id", metavar="[JOB]", required=False, shell_complete=completion.job_ids)
@state_option(ENDED, missing="  [default: all that have ended]")
@kind_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def delete(
    job_id: str | None, states: tuple[str, ...], kinds: tuple[str, ...], yes: bool, as_json: bool
) -> None:
    """Delete the records of ended jobs: state, counts, failed units and their errors.

    What a job made stays, and so does a working folder with which the same command goes on. A job
    that has not ended is never deleted, and one that is deleted cannot be retried.

    \b
    capq jobs delete solve-3f9a1c22aa
    capq jobs delete --state done --kind generate
    """
    job_filter = JobFilter.from_options(states, kinds)
    check_named(job_id, job_filter)
    with session() as ledger:
        if job_id is None:
            jobs = [job for job in job_filter.jobs(ledger) if job.state.closed]
        else:
            jobs = [ledger.get(job_id)]
        if jobs and not yes:
            _ask(jobs)
        if job_id is not None:
            job = _delete(ledger, jobs[0])
            print_json(job) if as_json else say(f"{job.id} deleted")
            return
        report_bulk(apply(jobs, lambda job: _delete(ledger, job)), "deleted", as_json=as_json)


def _cancel(ledger: Ledger, job_id: str) -> Job:
    ledger.get(job_id)
    if not ledger.close(job_id, State.CANCELLED):
        raise JobError(f"{job_id} has already ended: {ledger.get(job_id).state}")
    return ledger.get(job_id)


def _check_retried(job: Job) -> None:
    if job.state is State.DONE or (not job.state.closed and not job.dead):
        raise JobError(f"{job.id} has no failed units: it is {job.state}")


def _listing_ended_early(ledger: Ledger, job: Job) -> bool:
    unlisted = job.total < 0 and not KINDS[job.kind].sequential
    return unlisted and not ledger.is_publishing(job.id)


def _retry_detached(ledger: Ledger, job: Job) -> Job:
    """Run a job's units again that are known, without waiting for them."""
    _check_retried(job)
    if _listing_ended_early(ledger, job):
        raise UnlistedJobError(f"its images are still to be listed: capq retry {job.id}")
    publish_again(ledger, job.id)
    return ledger.get(job.id)


def _delete(ledger: Ledger, job: Job) -> Job:
    ledger.delete(job.id)
    return job


def _ask(jobs: list[Job]) -> None:
    """Say what is about to be deleted, and go on only after a yes."""
    for job in jobs:
        output = KINDS[job.kind].output_field
        stays = f"; {job.request[output]} stays" if job.request.get(output) else ""
        note(f"{job.id} {job.state}: {describe(job)}{stays}")
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: add --yes to delete")
    click.confirm(f"Delete the records of {counted(len(jobs), 'job')}?", abort=True, err=True)


def _go_on_listing(ledger: Ledger, job: Job, *, detach: bool, as_json: bool) -> NoReturn:
    """Run a job again that ended while its units were being listed, and list the rest."""
    kind = KINDS[job.kind]
    publisher = hold_publishing(ledger, job)
    with contextlib.ExitStack() as stack:
        stack.callback(stop_listing, ledger, job, publisher)
        units = kind.listing(kind.request_type.model_validate(job.request), publisher.check)
        publish_again(ledger, job.id)
        note(f"{job.id}: the listing of its images goes on")
        show = results_printer(job.kind)
        run_listed(ledger, job, units, publisher, detach=detach, as_json=as_json, show=show)
