"""From a request to a finished job: create it, publish its units, then watch it or detach."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from workers.kinds import KINDS
from workers.kinds.base import Request
from workers.ledger.job import Job, State
from workers.ledger.leases import Lease
from workers.ledger.ledger import Ledger
from workers.units.publishing import publish, publish_listed

from ..advice import advise_on_unit
from ..terminal import note, print_json, say
from .progress import Feed, describe, follow

detach_option = click.option(
    "--detach", is_flag=True, help="Leave at once; `capq wait JOB` comes back to it."
)

_MAX_ERRORS = 5

Show = Callable[[Job], None]
"""Prints a finished job's results for people."""


def run(  # noqa: PLR0913 (what a command may say of its job)
    ledger: Ledger,
    kind: str,
    request: Request,
    *,
    total: int,
    detach: bool,
    as_json: bool,
    show: Show,
    after: Show | None = None,
    claim: Lease | None = None,
) -> NoReturn:
    """Create a job, publish its units, and watch it or detach; exits with the job's code.

    Parameters
    ----------
    claim
        The lease on the job's output, which the job takes over.
    show
        Prints the ended job's results, unless they are printed as JSON.
    after
        Called with the ended job once its results are printed, as text or as JSON.
    """
    fields, output_field = request.model_dump(mode="json"), KINDS[kind].output_field
    job = ledger.create(
        kind,
        fields,
        total=total,
        sequential=KINDS[kind].sequential,
        output=fields[output_field] if output_field else "",
        claim=claim,
    )
    try:
        with delayed_interrupt():
            publish(ledger, job.id)
    except KeyboardInterrupt:
        detach_interrupted(ledger, job.id)
    if not detach:
        watch(ledger, job.id, as_json=as_json, show=show, after=after)
    detach_from(ledger, job.id, as_json=as_json)


def run_listed(
    ledger: Ledger,
    job: Job,
    units: Iterable[int],
    publisher: Lease,
    *,
    detach: bool,
    as_json: bool,
    show: Show,
) -> NoReturn:
    """Publish an open job's units while they are being listed, and watch it or detach.

    Parameters
    ----------
    publisher
        The lease to publish the job.
    """
    feed = publish_listed(ledger, job.id, units, publisher)
    if not detach:
        watch(ledger, job.id, as_json=as_json, show=show, feed=feed)
    try:
        for _ in feed:
            pass
    except KeyboardInterrupt:
        detach_interrupted(ledger, job.id)
    detach_from(ledger, job.id, as_json=as_json)


def detach_from(ledger: Ledger, job_id: str, *, as_json: bool) -> NoReturn:
    """Print a job's id and exit; the job goes on without this command."""
    if as_json:
        print_json(ledger.get(job_id))
    else:
        say(job_id)
        note(f"watch it with: capq wait {job_id}")
    raise SystemExit(0)


def watch(
    ledger: Ledger,
    job_id: str,
    *,
    as_json: bool,
    show: Show,
    after: Show | None = None,
    feed: Feed | None = None,
) -> NoReturn:
    """Show a job's progress until it ends, print its results, and exit with its code."""
    try:
        job = follow(ledger, job_id, feed)
    except KeyboardInterrupt:
        detach_interrupted(ledger, job_id)
    report(ledger, job, as_json=as_json, show=show)
    if after:
        after(job)
    raise SystemExit(job.exit_code)


def detach_interrupted(ledger: Ledger, job_id: str) -> NoReturn:
    """Exit after Ctrl-C, and say how to come back to the job if it goes on without this command."""
    if ledger.state(job_id) is State.CANCELLED:
        note(f"\n{job_id} stopped. The same command goes on with what is left")
        raise SystemExit(130)
    note(f"\ndetached; {job_id} goes on. Come back: capq wait {job_id}   stop it: capq cancel {job_id}")
    raise SystemExit(130)


def report(ledger: Ledger, job: Job, *, as_json: bool, show: Show) -> None:
    """Print an ended job's results; of one that failed, also its errors and the command to try again."""
    if as_json:
        print_json(job)
        return
    if job.summary:
        show(job)
    if job.state is State.DONE:
        return
    note(f"{job.id} {job.state}: {job.error or describe(job)}")
    causes = ledger.causes(job.id)
    for unit, error in list(ledger.errors(job.id).items())[:_MAX_ERRORS]:
        note(f"  {KINDS[job.kind].unit} {unit}: {advise_on_unit(error, causes.get(unit, ''))}")
    if job.state is State.FAILED:
        note(f"try the failed units again with: capq retry {job.id}")


@contextmanager
def delayed_interrupt() -> Iterator[None]:
    """Delay Ctrl-C until a step that must not be cut in two has ended: a job's creation, its publication."""
    interrupts = []
    previous = signal.signal(signal.SIGINT, lambda *_: interrupts.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if interrupts:
        raise KeyboardInterrupt
