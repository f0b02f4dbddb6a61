"""Jobs as the ledger tells of them."""

import enum
from dataclasses import dataclass, field
from typing import Any


class State(enum.StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    """No unit has begun."""
    RUNNING = "running"
    """Units are at work."""
    FINISHING = "finishing"
    """All units have ended; results are being put together."""
    DONE = "done"
    """Everything succeeded."""
    FAILED = "failed"
    """Some units are dead, or the results could not be put together."""
    CANCELLED = "cancelled"
    """Somebody asked for it to stop."""

    @property
    def closed(self) -> bool:
        return self in (State.DONE, State.FAILED, State.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One command's units and what became of them.

    Attributes
    ----------
    id
        Short and readable, such as ``generate-3f9a1c``.
    kind
        ``generate``, ``train``, ``solve`` or ``evaluate``.
    request
        What was asked, as JSON values.
    total
        Number of units; -1 while nobody knows (training by time, images that are being listed).
    done, dead
        Units that ended well, and those set aside after their last attempt.
    published
        Units whose messages are in the queue or were.
    created, started, ended
        Seconds since the epoch; None while it has not happened.
    counts
        Sums over the ended units, such as ``images``.
    latest
        What the last ended unit reported, such as loss and accuracy.
    summary
        What the finished job reports.
    error
        Why the job as a whole failed.
    owes_finish
        All units have ended, and nobody has asked for the results to be put together yet.
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
    owes_finish: bool = False

    @property
    def exit_code(self) -> int:
        """0 when everything succeeded or may still, 1 when something failed."""
        return int(self.state in (State.FAILED, State.CANCELLED) or self.dead > 0)
