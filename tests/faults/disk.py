"""A small disk of a test's own, which can be full or read-only."""

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

_BALLAST = "ballast"
_BLOCK = 4096


def unavailable(folder: Path) -> str:
    """Return why no disk can be mounted at a folder; '' when one can."""
    if os.geteuid() != 0:
        return "mounting a small disk needs root"
    mounted = _mount("-t", "tmpfs", "capq", str(folder))
    if mounted.returncode:
        return f"nothing can be mounted here ({mounted.stderr.strip()})"
    _unmount(folder)
    return ""


class Disk:
    """A file system in memory, mounted at a folder.

    Attributes
    ----------
    folder
        Where it is mounted.
    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        made = _mount("-t", "tmpfs", "-o", f"size={megabytes}m", "capq", str(folder))
        assert made.returncode == 0, made.stderr

    @property
    def free_bytes(self) -> int:
        figures = os.statvfs(self.folder)
        return figures.f_bavail * figures.f_frsize

    def fill(self, leaving: int = 0) -> None:
        """Take all of its space but for some bytes, and what others free meanwhile as well."""
        with (self.folder / _BALLAST).open("ab") as ballast:
            while (excess := self.free_bytes - leaving) >= _BLOCK:
                try:
                    os.posix_fallocate(ballast.fileno(), ballast.seek(0, os.SEEK_END), excess)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    excess = 0  # somebody was quicker: look again

    def make_space(self) -> None:
        (self.folder / _BALLAST).unlink(missing_ok=True)

    def make_read_only(self) -> bool:
        """Refuse all writes from now on; False while a file is open for writing."""
        return _mount("-o", "remount,ro", str(self.folder)).returncode == 0

    def make_writable(self) -> None:
        made = _mount("-o", "remount,rw", str(self.folder))
        assert made.returncode == 0, made.stderr

    def close(self) -> None:
        _unmount(self.folder)


@contextlib.contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """Yield a small disk mounted at a folder; it goes at the end."""
    made = Disk(folder, megabytes)
    try:
        yield made
    finally:
        made.close()


def _mount(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)


def _unmount(folder: Path) -> None:
    """Unmount a folder, also while a process that a test left has a file open in it."""
    subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)
