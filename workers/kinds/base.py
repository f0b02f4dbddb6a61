"""What a kind of job has to say for itself; everything else is common to all."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import pydantic

from ..errors import JobCancelledError
from ..ledger.job import Job
from ..ledger.ledger import Ledger


class Request(pydantic.BaseModel):
    """What was asked, as it travels: validated where it is made and again where it runs."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


R = TypeVar("R", bound=Request)


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a unit may ask and tell while it runs.

    Attributes
    ----------
    cancelled
        Whether the job was cancelled; cheap enough to ask between sub-batches.
    show
        Replaces the job's newest figures, now and then.
    """

    cancelled: Callable[[], bool]
    show: Callable[[dict[str, Any]], None]

    def check(self) -> None:
        """Raise JobCancelledError when the job was cancelled."""
        if self.cancelled():
            raise JobCancelledError("the job was cancelled")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a unit reports; the arguments of `Ledger.record`, with its meaning."""

    counts: dict[str, int] = field(default_factory=dict)
    latest: dict[str, Any] | None = None
    part: str = ""
    total: int | None = None


class Kind(Generic[R]):
    """A kind of job.

    Attributes
    ----------
    name
        Of the job: ``generate``.
    unit, units
        What one task does, and its plural: ``shard``, ``shards``.
    task
        The Celery task's name.
    queue
        Where its units go.
    sequential
        Each unit starts the next: a chain, as training is.
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    units: ClassVar[str]
    task: ClassVar[str]
    queue: ClassVar[str]
    sequential: ClassVar[bool] = False
    request: type[R]

    def run(self, request: R, job: Job, unit: int, context: Context) -> Outcome:
        """Do one unit. Run twice, it must leave what one run leaves."""
        raise NotImplementedError

    def finish(self, request: R, job: Job, ledger: Ledger) -> dict[str, Any]:
        """Put the results together when every unit has ended, and return the summary."""
        raise NotImplementedError

    def tidy(self, request: R) -> None:
        """Drop what only an unfinished job needs, once the job is done; may run twice."""

    def fraction(self, job: Job) -> float | None:
        """Return how much of a job is done, 0 … 1; None while nobody can tell."""
        return (job.done + job.dead) / job.total if job.total > 0 else None

    def begun_at(self, job: Job) -> float:
        """Return how much of it, 0 … 1, had been done by an earlier job."""
        return 0.0

    def figures(self, job: Job) -> dict[str, str]:
        """Return what else a job's progress line shows, such as loss and accuracy."""
        return {}
