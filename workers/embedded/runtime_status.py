"""What of the embedded runtime runs now: written by its supervisor, read by commands."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..settings import Settings
from . import processes
from .locks import SUPERVISOR, lock

FILE = "supervisor.json"


@dataclass(frozen=True)
class Status:
    """What runs now.

    Attributes
    ----------
    pid
        The supervisor's; None when the runtime is not running.
    children
        Process numbers of ``redis``, ``cpu`` and ``gpu``, where they run.
    server
        The server that runs as ``redis``, such as ``Valkey 9.1``.
    """

    pid: int | None
    children: dict[str, int] = field(default_factory=dict)
    server: str = ""


def status(settings: Settings) -> Status:
    """Return what runs now."""
    if not supervised(settings):
        return Status(None)
    try:
        content = json.loads((settings.home / FILE).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return Status(None)  # the supervisor is starting or ending
    if processes.birth(content["pid"]) != content.get("birth"):
        return Status(None)  # left by a supervisor that was killed: the number may be a stranger's by now
    return Status(content["pid"], content["children"], content.get("server", ""))


def supervised(settings: Settings) -> bool:
    """Tell whether a supervisor lives, or a command asks just now."""
    with lock(settings.home / SUPERVISOR, wait=False) as free:
        return not free


def write(home: Path, children: Mapping[str, int], server: str) -> None:
    """Write, as the supervisor, which children run."""
    content = {
        "pid": os.getpid(),
        "birth": processes.birth(os.getpid()),
        "server": server,
        "children": dict(children),
    }
    (home / FILE).write_text(json.dumps(content))


def remove(home: Path) -> None:
    """Remove the status: of a supervisor that ends, or that was killed."""
    (home / FILE).unlink(missing_ok=True)
