"""A job's log in the ledger: what befell its units, kept after their workers have gone."""

import json
from dataclasses import dataclass
from typing import Literal

from .leases import FINISH

CAUSE_END = "\t"
"""Stands between the name of an error's class and its text, where both are kept."""

Event = Literal["warning", "retried", "dead", "lost"]


@dataclass(frozen=True)
class LogEntry:
    """One thing that befell a unit.

    Attributes
    ----------
    time
        Seconds since the epoch.
    unit
        Its number, or `FINISH` for the putting together of the results.
    event
        ``warning``, of an attempt; ``retried``, an attempt failed and another one follows; ``dead``, the
        last one failed; ``lost``, the worker vanished.
    attempt
        Which one, from 1.
    worker
        Celery's name of the worker.
    text
        The warning, or the error's message; empty for a lost worker.
    cause
        Name of the error's class, empty where capq has none for it.
    seconds
        What the attempt took; None where it is unknown.
    """

    time: float
    unit: int | str
    event: Event
    attempt: int
    worker: str
    text: str
    cause: str
    seconds: float | None


def parse_entry(text: str) -> LogEntry:
    """Return an entry as the scripts write it."""
    fields = json.loads(text)
    cause, _, message = fields.pop("text").rpartition(CAUSE_END)
    unit = fields.pop("unit")
    return LogEntry(
        **{"seconds": None} | fields,
        unit=unit if unit == FINISH else int(unit),
        text=message,
        cause=cause,
    )
