"""Whether a worker lives: ``python -m workers.process.health``, for the health checks of containers.

A worker that is at work is healthy, however long its unit takes; one whose parent stands still is not.
This module imports nothing that takes time, so that it answers at once.
"""

import os
import sys
import time

VARIABLE = "CAPQ_HEARTBEAT_FILE"
STALE_SECONDS = 30.0
"""Age from which on a heartbeat means that the worker's parent stands still."""


def age(file: str) -> float:
    """Return the age of a worker's heartbeat, in seconds.

    Raises
    ------
    OSError
        When there is no such file.
    ValueError
        When it holds no time.
    """
    descriptor = os.open(file, os.O_RDONLY)
    try:
        return time.monotonic() - float(os.read(descriptor, 100))
    finally:
        os.close(descriptor)


def problem(file: str, stale_seconds: float) -> str:
    """Return what is wrong with the worker that renews a file; empty when it is healthy."""
    if not file:
        return f"{VARIABLE} is not set"
    try:
        seconds = age(file)
    except (OSError, ValueError) as error:
        return f"there is no heartbeat: {error}"
    return f"the last heartbeat was {seconds:.0f} s ago" if seconds > stale_seconds else ""


if __name__ == "__main__":
    stale = float(sys.argv[1]) if len(sys.argv) > 1 else STALE_SECONDS
    sys.exit(problem(os.environ.get(VARIABLE, ""), stale) or None)
