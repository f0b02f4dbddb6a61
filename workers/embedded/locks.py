"""File locks of the supervisor and the commands that need it; the kernel frees those of a dead process."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from ..errors import NotPosixError, RuntimeStartError

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None

SUPERVISOR = "supervisor.lock"
"""Held by the supervisor for as long as it lives, so that there is only one."""

CLIENTS = "clients.lock"
"""Shared by running commands; an idle supervisor ends only once it holds it exclusively."""


@contextlib.contextmanager
def lock(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[bool]:
    """Hold a lock on a file; yields False when another process has it and `wait` is off.

    Raises
    ------
    NotPosixError
        On a system without such locks.
    RuntimeStartError
        When the file cannot be made.
    """
    if fcntl is None:
        raise NotPosixError("the embedded runtime needs Linux, macOS or another POSIX system")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RuntimeStartError(f"cannot use {path.parent}: {error.strerror or error}") from error
    try:
        mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
        try:
            fcntl.flock(descriptor, mode)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
