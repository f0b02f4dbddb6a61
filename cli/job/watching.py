"""`capq solve-dir --watch`: round after round of what arrives in a folder."""

import time
from pathlib import Path
from typing import NoReturn

from captcha_core.errors import DatasetError
from captcha_core.inputs import Entry
from captcha_core.inputs.arrivals import Arrivals
from captcha_core.inputs.labels import NAMES, open_labels
from captcha_core.solving import reading
from captcha_core.solving.batches import Batches, digest
from captcha_core.solving.listing import with_labels
from captcha_core.solving.plan import BatchPlan
from captcha_core.storage import Folder
from captcha_core.tables.formats import read_table
from workers.kinds.solve import SolveRequest
from workers.ledger.job import Job, State
from workers.ledger.ledger import Ledger
from workers.units.publishing import publish_listed

from ..terminal import counted, note, say, shown
from .listing import begun_units, cut_short, opened
from .progress import follow
from .submission import leave, report

_LOOK_SECONDS = 1.0
_SHARE = 5  # of the time at most one part goes into listing
_TIDY_SECONDS = 0.05


def check_watching(*, detach: bool, as_json: bool, report: str, labels: str) -> None:
    """Raise DatasetError for options that have no meaning while a folder is watched."""
    if detach or as_json:
        raise DatasetError("--watch stays until Ctrl-C: leave out --detach and --json")
    if report:
        raise DatasetError("--report is of a whole table: make it later, by the same command without --watch")
    if labels and labels != NAMES and not labels.lower().endswith(".csv"):
        raise DatasetError(f"--watch finds labels in file names or a table: --labels {NAMES}, or a .csv file")


def watch_folder(ledger: Ledger, plan: BatchPlan, request: SolveRequest, *, overwrite: bool) -> NoReturn:
    """Read what a folder holds, then what arrives in it, until Ctrl-C."""
    source = plan.source
    if source.kind != "folder" or "://" in source.url:
        raise DatasetError("--watch needs a folder of this machine")
    cut = cut_short(ledger, request)
    _round(ledger, reading.begin(plan, overwrite=overwrite), request, cut)
    known = {digest(row.path) for row in read_table(plan.out)} if Path(plan.out).exists() else set()
    arrivals = Arrivals(
        source.url,
        recursive=source.recursive,
        patterns=source.patterns,
        known=lambda path: digest(path) in known,
    )
    note(f"watching {source.url}: Ctrl-C ends it")
    try:
        while True:
            began = time.monotonic()
            new = arrivals.look()
            took = time.monotonic() - began
            if new:
                known.update(map(digest, new))
                _round(ledger, _added(plan, new), request, None)
            else:
                time.sleep(max(_LOOK_SECONDS, _SHARE * took))
    except KeyboardInterrupt:
        note(f"\nno longer watching; the same command goes on: {plan.out}")
        raise SystemExit(0) from None


def _added(plan: BatchPlan, paths: list[str]) -> Batches:
    """Begin a reading whose rows are added to the table."""
    table = Path(plan.out)
    batches = Batches.begin(
        plan.model_copy(
            update={"begun": time.time(), "append_at": table.stat().st_size if table.exists() else 0}
        )
    )
    entries = (Entry(path=path) for path in paths)
    labelled = with_labels(entries, open_labels(plan.labels, lambda: ())) if plan.labels else entries
    for _ in batches.extend(labelled):
        pass
    return batches


def _round(ledger: Ledger, batches: Batches, request: SolveRequest, cut: Job | None) -> None:
    """Read what is listed, and wait until the table has it."""
    units = begun_units(batches)
    if units is None:
        return  # nothing is there yet
    job = opened(ledger, request, batches, cut)
    try:
        job = follow(ledger, job.id, publish_listed(ledger, job.id, units))
    except KeyboardInterrupt:
        leave(ledger, job.id)
    report(ledger, job, as_json=False, show=_show)
    if job.state is not State.DONE:
        raise SystemExit(job.exit_code)
    # The worker clears up after the job is done; the next round begins on clear ground.
    parts = Folder(Batches.place(request.out))
    while parts.exists():
        time.sleep(_TIDY_SECONDS)


def _show(job: Job) -> None:
    summary = job.summary
    wrong = f", {shown(summary['unreadable'])} could not be read" if summary["unreadable"] else ""
    say(f"{counted(summary['images'], 'image')}{wrong}: {summary['out']}")
