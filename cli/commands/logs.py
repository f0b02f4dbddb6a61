"""`capq logs`."""

import time
from typing import Any

import click

from workers.kinds import KINDS
from workers.ledger.job_log import LogEntry

from ..advice import advise_on_unit
from ..job.progress import describe
from ..job.session import session
from ..options import completion
from ..terminal import duration, json_option, note, print_json, print_table, say

_EVENTS = {
    "warning": "warned",
    "retried": "failed, is tried again",
    "dead": "failed for good",
    "lost": "its worker was lost",
}


@click.command()
@click.argument("job_id", metavar="JOB", shell_complete=completion.job_ids)
@json_option
def logs(job_id: str, as_json: bool) -> None:
    """Show what went wrong in a job: attempts that failed, lost workers, warnings.

    It comes from the ledger, so a worker may have gone since. The newest 500 entries of a job are
    kept, and the last error of each failed unit, as long as its record.

    \b
    capq logs solve-3f9a1c22aa
    """
    with session() as ledger:
        job, entries = ledger.get(job_id), ledger.log(job_id)
        errors, causes = ledger.errors(job_id), ledger.causes(job_id)
    logged = {entry.unit for entry in entries if entry.event != "warning"}
    rest = {unit: error for unit, error in errors.items() if unit not in logged}
    if as_json:
        print_json({"job": job.id, "state": job.state, "error": job.error, "entries": entries, "rest": rest})
        return
    note(f"{job.id} {job.state}: {job.error or describe(job)}")
    if entries:
        columns = ("time", KINDS[job.kind].unit, "attempt", "worker", "took", "")
        print_table(columns, [_row(entry) for entry in entries])
    for unit, error in rest.items():
        say(f"{KINDS[job.kind].unit} {unit}: {advise_on_unit(error, causes.get(unit, ''))}")
    if not entries and not rest:
        say("nothing went wrong")


def _row(entry: LogEntry) -> tuple[Any, ...]:
    text = advise_on_unit(entry.text, entry.cause) if entry.text else ""
    return (
        time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.time)),
        str(entry.unit),
        str(entry.attempt),
        entry.worker,
        duration(entry.seconds) if entry.seconds is not None else "",
        f"{_EVENTS[entry.event]}: {text}" if text else _EVENTS[entry.event],
    )
