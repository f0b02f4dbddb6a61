"""One act on several jobs: each is done by itself, and what is left out is said."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field

import click

from captcha_core.errors import counted
from workers.errors import JobError
from workers.ledger.job import Job

from ..options.job_filter import JobFilter
from ..terminal import note, print_json, say
from .progress import describe


@dataclass
class Bulk:
    """What became of several jobs.

    Attributes
    ----------
    jobs
        Those on which the act was done, as they are then.
    left_out
        Why it was not done on others, by their ids.
    """

    jobs: list[Job] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def check_named(job_id: str | None, job_filter: JobFilter) -> None:
    """Raise UsageError unless either one job is named or jobs are filtered."""
    if job_id and job_filter:
        raise click.UsageError("name a JOB, or give --state or --kind, not both")
    if not job_id and not job_filter:
        raise click.UsageError("name a JOB, or give --state or --kind for several")


def apply(jobs: Iterable[Job], act: Callable[[Job], Job]) -> Bulk:
    """Do something to each of some jobs; one that is not in a state for it is left out."""
    bulk = Bulk()
    for job in jobs:
        try:
            bulk.jobs.append(act(job))
        except JobError as error:
            bulk.left_out[job.id] = str(error)
    return bulk


def report_bulk(bulk: Bulk, done: str, *, as_json: bool) -> None:
    """Print what became of several jobs: ``3 jobs cancelled``, and a line for each."""
    if as_json:
        print_json(asdict(bulk))
        return
    for job in bulk.jobs:
        say(f"{job.id} {done}: {describe(job)}")
    for job_id, reason in bulk.left_out.items():
        note(f"left out {job_id}: {reason}")
    say(f"{counted(len(bulk.jobs), 'job')} {done}")
