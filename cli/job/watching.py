"""`capq solve-dir --watch`: round after round of what arrives in a folder."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from captcha_core.errors import InputError, counted
from captcha_core.inputs import Entry
from captcha_core.inputs.arrivals import Arrivals
from captcha_core.inputs.labels import NAMES, open_labels
from captcha_core.solving.listing import with_labels
from captcha_core.solving.plan import ReadingPlan
from captcha_core.solving.reading import Reading, path_digest
from captcha_core.tables.formats import read_table
from workers.kinds.solve import SolveRequest
from workers.ledger.job import Job, State
from workers.ledger.leases import Lease
from workers.ledger.ledger import Ledger
from workers.units.publishing import publish_listed

from ..terminal import note, say, shown
from .listing import hold_publishing, listed_batches, opening
from .progress import follow
from .submission import detach_interrupted, report

_LOOK_SECONDS = 1.0
_LISTING_SHARE = 5  # a fifth of the time at most goes into listing


def check_watching(*, detach: bool, as_json: bool, report: str, labels: str) -> None:
    """Raise InputError for options that have no meaning while a folder is watched."""
    if detach or as_json:
        raise InputError("--watch stays until Ctrl-C: leave out --detach and --json")
    if report:
        raise InputError("--report is of a whole table: make it later, by the same command without --watch")
    if labels and labels != NAMES and not labels.lower().endswith(".csv"):
        raise InputError(f"--watch finds labels in file names or a table: --labels {NAMES}, or a .csv file")


def watch_folder(ledger: Ledger, plan: ReadingPlan, request: SolveRequest, *, overwrite: bool) -> NoReturn:
    """Read what a folder holds, then what arrives in it, until Ctrl-C."""
    source = plan.source
    if source.kind != "folder" or "://" in source.url:
        raise InputError("--watch needs a folder of this machine")
    if "://" in plan.out:
        raise InputError("--watch adds rows to its table, which must be a file of this machine")
    job = _read_first(ledger, plan, request, overwrite=overwrite)
    read = {path_digest(row.path) for row in read_table(plan.out)} if Path(plan.out).exists() else set()
    arrivals = Arrivals(
        source.url,
        recursive=source.recursive,
        patterns=source.patterns,
        is_read=lambda path: path_digest(path) in read,
    )
    note(f"watching {source.url}: Ctrl-C ends it")
    try:
        while True:
            look_started = time.monotonic()
            new_paths = arrivals.look()
            look_seconds = time.monotonic() - look_started
            if new_paths:
                read.update(map(path_digest, new_paths))
                job = _read_next(ledger, job, request, _start_appending(plan, new_paths))
            else:
                time.sleep(max(_LOOK_SECONDS, _LISTING_SHARE * look_seconds))
    except KeyboardInterrupt:
        note(f"\nno longer watching; the same command goes on: {plan.out}")
        raise SystemExit(0) from None


def _start_appending(plan: ReadingPlan, paths: list[str]) -> Reading:
    """Start a reading of these images whose rows are added to the table."""
    table = Path(plan.out)
    reading = Reading.start(plan.for_appending(table.stat().st_size if table.exists() else 0))
    entries = (Entry(path=path) for path in paths)
    labelled = with_labels(entries, open_labels(plan.labels, lambda: ())) if plan.labels else entries
    for _ in reading.extend(labelled):
        pass
    return reading


def _read_first(ledger: Ledger, plan: ReadingPlan, request: SolveRequest, *, overwrite: bool) -> Job | None:
    """Read what a folder holds; returns the job, None when no image is there yet."""
    with opening(ledger, request) as opened:
        reading = Reading.start(plan, overwrite=overwrite)
        batches = listed_batches(reading, opened.check)
        if batches is None:
            return None
        job, publisher = opened.job(reading)
        return _read(ledger, job, batches, publisher)


def _read_next(ledger: Ledger, job: Job | None, request: SolveRequest, reading: Reading) -> Job:
    """Read what has arrived, as another round of the same job; of a new one where that is gone."""
    fields = request.model_copy(update={"token": reading.plan.token}).model_dump(mode="json")
    if job is None or not ledger.next_round(job.id, fields, request.out):
        job = ledger.create("solve", fields, total=-1, output=request.out)
    publisher = hold_publishing(ledger, job)
    return _read(ledger, job, reading.batches(publisher.check), publisher)


def _read(ledger: Ledger, job: Job, batches: Iterator[int], publisher: Lease) -> Job:
    """Publish what is listed, and wait until the table has it."""
    try:
        job = follow(ledger, job.id, publish_listed(ledger, job.id, batches, publisher))
    except KeyboardInterrupt:
        detach_interrupted(ledger, job.id)
    report(ledger, job, as_json=False, show=_show)
    if job.state is not State.DONE:
        raise SystemExit(job.exit_code)
    return job


def _show(job: Job) -> None:
    summary = job.summary
    wrong = f", {shown(summary['unreadable'])} could not be read" if summary["unreadable"] else ""
    say(f"{counted(summary['images'], 'image')}{wrong}: {summary['out']}")
