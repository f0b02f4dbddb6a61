"""What sets one kind of job apart from another; everything else is common to all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import pydantic

from ..errors import JobCancelledError, UnlistedJobError
from ..ledger.job import Job
from ..ledger.ledger import Ledger


class Request(pydantic.BaseModel):
    """What a job is to do, as it travels: validated by the command that makes it and by the worker."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


R = TypeVar("R", bound=Request)

_UNIT_SECONDS = 600.0
_IMAGE_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Context:
    """A running unit's view of its job.

    Attributes
    ----------
    cancelled
        Returns whether the job was cancelled; cheap enough to call between sub-batches.
    show
        Replaces the figures that the job shows as its newest; some calls are skipped.
    check_lease
        Raises LeaseLostError when the lease on what this process does is lost: somebody else does it
        by now. To be called right before something is written.
    """

    cancelled: Callable[[], bool]
    show: Callable[[dict[str, Any]], None]
    check_lease: Callable[[], None]

    def check(self) -> None:
        """Raise JobCancelledError when the job was cancelled, LeaseLostError when the lease is lost."""
        self.check_lease()
        if self.cancelled():
            raise JobCancelledError("the job was cancelled")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a unit that ended well reports.

    Attributes
    ----------
    counts, latest, part, total
        Arguments of `Ledger.record`.
    stage_seconds, faults
        For the metrics: how long the stages of reading took, and how many images could not be read,
        by why.
    """

    counts: dict[str, int] = field(default_factory=dict)
    latest: dict[str, Any] | None = None
    part: str = ""
    total: int | None = None
    stage_seconds: dict[str, float] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)


class Kind(Generic[R]):
    """A kind of job; its name and the name of its unit come from its line in `KINDS`.

    Attributes
    ----------
    name
        Of the kind, and the first part of its jobs' ids: ``generate``.
    unit, units
        What one task does, and its plural: ``shard``, ``shards``.
    queue
        Where its units go.
    command
        The command of `capq` that starts such jobs, in whose module `show` prints their results.
    counted_as
        What became of a unit's images, in the name of their Prometheus counter: ``rendered``.
    sequential
        Whether the units are a chain, in which the end of one publishes the next, as in training.
    output_field
        The field of a request that names what the job makes, which the job owns; empty for nothing.
    request_type
        The class of its jobs' requests.
    """

    units: ClassVar[str]
    queue: ClassVar[str]
    command: ClassVar[str]
    counted_as: ClassVar[str]
    sequential: ClassVar[bool] = False
    output_field: ClassVar[str] = ""
    request_type: type[R]

    def __init__(self, name: str, unit: str) -> None:
        self.name = name
        self.unit = unit

    @property
    def task(self) -> str:
        """The name of the Celery task that runs a unit."""
        return task_name(self.name, self.unit)

    def prepare(self) -> None:
        """Import what a unit needs, before the unit is leased.

        A large library is loaded without giving other threads a turn, for so long that a lease
        would not be renewed in time on a busy machine.
        """

    def run(self, request: R, job: Job, unit: int, context: Context) -> Outcome:
        """Do one unit. Run twice, it must leave what one run leaves."""
        raise NotImplementedError

    def finish(self, request: R, job: Job, ledger: Ledger, context: Context) -> dict[str, Any]:
        """Put the results together when every unit has ended, and return the summary."""
        raise NotImplementedError

    def tidy(self, request: R) -> None:
        """Remove what only an unfinished job needs, once the job is done; may run twice."""

    def images_a_unit(self, request: R) -> int:
        """Return how many images a unit has at the most, from which the time follows that it may take."""
        return 0

    def time_limit(self, request: R) -> float:
        """Return the seconds that a unit may take: many times what it needs, so that a hung one ends."""
        return _UNIT_SECONDS + _IMAGE_SECONDS * self.images_a_unit(request)

    def finish_limit(self, request: R, job: Job) -> float:
        """Return the seconds that putting the results together may take."""
        return _UNIT_SECONDS + _IMAGE_SECONDS * job.counts.get("images", 0)

    def listing(self, request: R, check: Callable[[], None]) -> Iterator[int]:
        """Yield the units of a job whose listing was cut short: those listed, and the rest as it is listed.

        Parameters
        ----------
        check
            Called before anything is written; it may raise to stop the listing.

        Raises
        ------
        UnlistedJobError
            When they can no longer be listed.
        """
        raise UnlistedJobError("its units were not listed to their end")

    def fraction(self, job: Job) -> float | None:
        """Return the share of a job's work that is done, 0 … 1; None where it is unknown."""
        return (job.done + job.dead) / job.total if job.total > 0 else None

    def share_before(self, job: Job) -> float:
        """Return the share of that work, 0 … 1, that an earlier job had done before this one started."""
        return 0.0

    def images_at_work(self, job: Job) -> int:
        """Return how many images units that have not ended have been through, 0 where they do not tell."""
        return 0

    def figures(self, job: Job) -> dict[str, str]:
        """Return further figures for a job's progress line, such as loss and accuracy, by their names."""
        return {}


def task_name(kind: str, unit: str) -> str:
    """Return the name of the Celery task that runs a unit: ``capq.generate.shard``."""
    return f"capq.{kind}.{unit}"
