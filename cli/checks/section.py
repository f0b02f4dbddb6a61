"""A section of checks."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

State: TypeAlias = Literal["ok", "absent", "fault"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name, value
        What it is, and what there is.
    state
        ``absent`` for something optional that is not installed; ``fault`` for what keeps commands
        from working.
    remedy
        What brings it, such as a command; empty where nothing is to be done.
    """

    name: str
    value: str
    state: State = "ok"
    remedy: str = ""


@dataclass(frozen=True)
class Section:
    """Checks of one subject."""

    name: str
    checks: list[Check] = field(default_factory=list)
