"""Local folders that appear whole or not at all."""

import contextlib
import glob
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import fsspec

_STALE_SECONDS = 3600


@contextlib.contextmanager
def written_aside(target: Path, *, replace: bool) -> Iterator[Path]:
    """Yield an empty folder beside `target`, and move it there when the block ends well.

    A folder of that name wins when `replace` is false: the new one is dropped. With
    `replace`, the old one steps aside first, so for an instant there is none, but never
    half of one.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target.parent)
    aside = target.parent / f".{target.name}.{secrets.token_hex(4)}.tmp"
    aside.mkdir()
    try:
        yield aside
        _sync(aside)
        if replace:
            _step_aside(target)
        try:
            aside.rename(target)
        except OSError:
            if replace or not target.is_dir():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _step_aside(target: Path) -> None:
    if target.exists():
        old = target.parent / f".{target.name}.{secrets.token_hex(4)}.tmp"
        target.rename(old)
        shutil.rmtree(old, ignore_errors=True)


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _sweep(parent: Path) -> None:
    """Delete what a crash left behind an hour ago or longer."""
    for path in parent.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def beside(url: str) -> Iterator[BinaryIO]:
    """Open a file to be written, streaming; it appears when the block ends well, whole or not at all."""
    if "://" in url:
        # Object stores publish a file when it is closed.
        with fsspec.open(url, "wb") as remote:
            yield remote
        return
    target = Path(url)
    for stale in target.parent.glob(f".{glob.escape(target.name)}.*.tmp"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - stale.stat().st_mtime > _STALE_SECONDS:
                stale.unlink()
    # Its own name for each writer: a late twin of a task must not write into the same file.
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
