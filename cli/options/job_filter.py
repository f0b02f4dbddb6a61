"""`--state` and `--kind`: which jobs a command is about."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import click

from workers.kinds import KINDS
from workers.ledger.job import Job, State
from workers.ledger.ledger import Ledger

OPEN = tuple(state for state in State if not state.closed)
ENDED = tuple(state for state in State if state.closed)

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True)
class JobFilter:
    """Jobs of some states and kinds; no states, or no kinds, stand for all of them."""

    states: tuple[State, ...] = ()
    kinds: tuple[str, ...] = ()

    @classmethod
    def from_options(cls, states: Iterable[str], kinds: Iterable[str]) -> "JobFilter":
        return cls(tuple(map(State, states)), tuple(kinds))

    def __bool__(self) -> bool:
        return bool(self.states or self.kinds)

    def matches(self, job: Job) -> bool:
        return (not self.states or job.state in self.states) and (not self.kinds or job.kind in self.kinds)

    def jobs(self, ledger: Ledger, limit: int = 0) -> list[Job]:
        """Return the jobs that match, newest first; `limit` 0 for all."""
        if not self:
            return list(ledger.jobs(limit))
        return list(itertools.islice(filter(self.matches, ledger.jobs()), limit or None))


def state_option(states: Iterable[State], *, missing: str = "") -> _Decorator:
    """Return the option that names states, of these.

    Parameters
    ----------
    missing
        Which jobs are meant without it, for its help.
    """
    return click.option(
        "--state",
        "states",
        type=click.Choice([state.value for state in states]),
        multiple=True,
        help=f"Only jobs in this state; may be given more than once.{missing}",
    )


kind_option = click.option(
    "--kind",
    "kinds",
    type=click.Choice(list(KINDS)),
    multiple=True,
    help="Only jobs of this kind; may be given more than once.",
)
