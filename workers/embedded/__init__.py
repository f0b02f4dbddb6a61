"""The embedded runtime: a private Redis and workers on this machine, started on demand."""

from .runtime import attached, start, stop
from .runtime_status import Status, status

__all__ = ["Status", "attached", "start", "status", "stop"]
