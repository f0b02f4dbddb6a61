"""A job's record in the ledger, as commands and units see it."""

import enum
from dataclasses import dataclass, field
from typing import Any


class State(enum.StrEnum):
    """The states of a job."""

    QUEUED = "queued"
    """No unit has run yet."""
    RUNNING = "running"
    """At least one unit has begun."""
    FINISHING = "finishing"
    """All units have ended; results are being put together."""
    DONE = "done"
    """Every unit succeeded, and the results are there."""
    FAILED = "failed"
    """Some units are dead, or the results could not be put together."""
    CANCELLED = "cancelled"
    """It was stopped before its end."""

    @property
    def closed(self) -> bool:
        return self in (State.DONE, State.FAILED, State.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job: the units of one command, and their results.

    Attributes
    ----------
    id
        Short and readable, such as ``generate-3f9a1c22aa``.
    kind
        Its kind's name, a key of `workers.kinds.KINDS`: ``generate``.
    request
        The kind's request, as JSON values.
    total
        Number of units; -1 while it is unknown (training by time, images that are still being listed).
    done, dead
        Units that succeeded, and those that failed in their last attempt.
    published
        Units whose messages have been put on the queue.
    created, started, ended
        Seconds since the epoch; None before it has happened.
    counts
        Sums over the ended units, such as ``images``.
    latest
        The newest figures that a unit reported, such as loss and accuracy.
    summary
        The results of the finished job.
    error
        Why the job as a whole failed.
    """

    id: str
    kind: str
    request: dict[str, Any]
    state: State
    total: int
    done: int
    dead: int
    published: int
    created: float
    started: float | None
    ended: float | None
    counts: dict[str, int] = field(default_factory=dict)
    latest: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def exit_code(self) -> int:
        """0 when everything succeeded or may still, 1 when something failed."""
        return int(self.state in (State.FAILED, State.CANCELLED) or self.dead > 0)
