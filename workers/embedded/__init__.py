"""The embedded runtime: a private Redis and workers on this machine, started on demand."""

from .runtime import Status, attached, start, status, stop

__all__ = ["Status", "attached", "start", "status", "stop"]
