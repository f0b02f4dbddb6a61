"""Files and folders that appear whole or not at all.

Each is written aside, under a hidden name that belongs to its own target
(``.model.4711-1f2e3d4c.tmp``: the target's name, the writer's process, a token of its own), synced
to the disk, and renamed. What a killed writer leaves under such a name is removed by the next
writer of the same target, once it is an hour old.
"""

import contextlib
import errno
import io
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from fsspec.implementations.local import LocalFileSystem

from ..errors import ForeignOutputError, StorageError
from .stores import open_store

_STALE_SECONDS = 3600
_UNSYNCABLE = (errno.EINVAL, errno.ENOTSUP)  # folders of some network file systems
_PART, _OLD = "tmp", "old"
_TEMPORARY = re.compile(rf"\.(.+)\.\d+-[0-9a-f]{{8}}\.({_PART}|{_OLD})")

Check = Callable[[Path], None]
"""Raises what forbids to replace the thing that stands at a path."""


@contextlib.contextmanager
def whole_file(url: str | Path, *, durable: bool = True, named: str | None = None) -> Iterator[BinaryIO]:
    """Open a file to be written, streaming; it appears when the block ends well, over an older one.

    Parameters
    ----------
    url
        A local path, or an fsspec URL, whose store gets the file when it is complete.
    durable
        Whether a local file is on the disk when the block has ended, and leftovers of it are
        looked for. That takes some 10 ms, so files that can be made again, and of which there is
        one for each batch or shard, do without.
    named
        What the temporary file is named after instead of the target, where programs that watch the
        folder would take it for one of theirs.

    Raises
    ------
    StorageError
        When the file cannot be written.
    ForeignOutputError
        When something that is no file, or a link, stands there.
    """
    target = local_path(url)
    if target is None:
        with _uploaded_when_complete(str(url)) as remote:
            yield remote
        return
    with _storage_errors(target):
        if os.path.lexists(target) and (target.is_symlink() or not target.is_file()):
            raise ForeignOutputError(f"{target} is a {_kind(target)}")
    if durable:
        _remove_leftovers(target.parent, named or target.name, folders=False)
    aside = _aside(target.parent, named or target.name)
    try:
        with _storage_errors(target):
            raw = _File(aside, target)
        with io.BufferedWriter(raw) as file:
            yield file
            file.flush()
            with _storage_errors(target):
                if durable:
                    os.fsync(file.fileno())
        with _storage_errors(target):
            aside.replace(target)
            if durable:
                sync_folder(target.parent)
    finally:
        # A disk that can no longer be written says so here too, and not as well as before.
        with contextlib.suppress(OSError):
            aside.unlink()


@contextlib.contextmanager
def whole_folder(target: Path, *, check: Check | None = None, parents: bool = True) -> Iterator[Path]:
    """Yield an empty folder beside `target`, and move it there when the block ends well.

    Parameters
    ----------
    target
        Where it goes.
    check
        Called with `target` where something stands there, before the block and after it: what it
        does not object to is replaced. The older folder steps aside first, so for an instant there
        is none, but never half of one. Without `check`, a folder that is there wins, and the new
        one is dropped. An empty folder is always replaced.
    parents
        Whether the folders above it are made.

    Raises
    ------
    StorageError
        When the folder cannot be written. The block is to do nothing but write into it.
    ForeignOutputError
        When a file or a link stands there, and whatever else `check` raises.
    """
    _check(target, check)
    aside = _aside(target.parent, target.name)
    try:
        with _storage_errors(target):
            if parents:
                target.parent.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(target.parent, target.name, folders=True)
            aside.mkdir()
            yield aside
            _sync(aside)
        _check(target, check)
        with _storage_errors(target):
            _move(aside, target, check)
            sync_folder(target.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def stands(path: Path) -> bool:
    """Tell whether there is anything at a path that a new folder would displace."""
    if path.is_symlink() or not path.is_dir():
        return os.path.lexists(path)
    with _storage_errors(path), os.scandir(path) as entries:
        return any(True for _ in entries)


def leftover_of(name: str) -> str | None:
    """Return what a temporary name of `whole_file` or `whole_folder` was to become; None for other names."""
    match = _TEMPORARY.fullmatch(name)
    return match[1] if match else None


@contextlib.contextmanager
def stepped_aside(target: Path) -> Iterator[Path]:
    """Move a file or folder to a temporary name, to be deleted there; it goes back if the block fails."""
    aside = _aside(target.parent, target.name)
    target.rename(aside)
    try:
        yield aside
    except BaseException:
        aside.rename(target)
        raise


def sync_folder(folder: Path) -> None:
    """Put a folder's list of names on the disk, on systems where a folder can be opened for that."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNSYNCABLE:
            raise
    finally:
        os.close(descriptor)


class _File(io.FileIO):
    """A new file of which a write that fails is a StorageError, whatever else the writer works with."""

    def __init__(self, path: Path, target: Path) -> None:
        super().__init__(path, "xb")
        self._target = target

    def write(self, data: object) -> int:
        with _storage_errors(self._target):
            return super().write(data)  # type: ignore[arg-type]


def local_path(url: str | Path) -> Path | None:
    """Return the path of a file or folder on this machine; None for one in another store."""
    if "://" not in str(url):
        return Path(url)
    filesystem, path = open_store(url)
    return Path(path) if isinstance(filesystem, LocalFileSystem) else None


def _kind(path: Path) -> str:
    if path.is_symlink():
        return "link"
    return "folder" if path.is_dir() else "device"


@contextlib.contextmanager
def _uploaded_when_complete(url: str) -> Iterator[BinaryIO]:
    """Yield a local file, and send it to its store: closing half a remote file would publish it."""
    with tempfile.NamedTemporaryFile() as local:
        yield cast(BinaryIO, local)
        local.flush()
        with _storage_errors(url):
            filesystem, path = open_store(url)
            filesystem.put_file(local.name, path)


@contextlib.contextmanager
def _storage_errors(target: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error.strerror or error}") from error


def _check(target: Path, check: Check | None) -> None:
    """Raise where `target` may not be taken; without `check`, a folder may be there."""
    if not stands(target):
        return
    if target.is_symlink() or not target.is_dir():
        raise ForeignOutputError(f"{target} is a {'link' if target.is_symlink() else 'file'}, not a folder")
    if check:
        check(target)


def _move(aside: Path, target: Path, check: Check | None) -> None:
    """Rename to the target; an empty folder there gives way by itself."""
    old = _step_aside(target, check) if check and stands(target) else None
    try:
        aside.rename(target)
    except OSError:
        if old:
            old.rename(target)
        if check or not target.is_dir():
            raise
    if old:
        shutil.rmtree(old, ignore_errors=True)


def _step_aside(target: Path, check: Check) -> Path:
    """Rename what is to be replaced, and look at it again where nobody else looks for it."""
    old = _aside(target.parent, target.name, _OLD)
    target.rename(old)
    try:
        check(old)
    except BaseException:
        old.rename(target)
        raise
    return old


def _aside(parent: Path, name: str, ending: str = _PART) -> Path:
    # A name for each writer: a late twin of a task must not write into the same file.
    return parent / f".{name}.{os.getpid()}-{secrets.token_hex(4)}.{ending}"


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb+") as file:  # as Windows wants it for a sync
            os.fsync(file.fileno())
    sync_folder(folder)


def _remove_leftovers(parent: Path, name: str, *, folders: bool) -> None:
    """Delete what killed writers of a target left behind an hour ago or longer.

    A folder that stepped aside for a new one that never came is the only copy: it stays.
    """
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        stale = [
            Path(entry.path)
            for entry in entries
            if leftover_of(entry.name) == name
            and (entry.is_dir if folders else entry.is_file)(follow_symlinks=False)
            and time.time() - _last_written(Path(entry.path)) > _STALE_SECONDS
        ]
        for path in stale:
            if not path.name.endswith(_OLD) or stands(parent / name):
                shutil.rmtree(path, ignore_errors=True) if folders else path.unlink(missing_ok=True)


def _last_written(path: Path) -> float:
    """Return when a file, or anything directly in a folder, was last written to."""
    inside = path.iterdir() if path.is_dir() else ()
    return max(float(member.lstat().st_mtime) for member in (path, *inside))
