"""Paths at which nothing can be written, found out before the work instead of after it."""

import os
from pathlib import Path

from ..errors import ForeignOutputError, StorageError
from .stored_path import AnyPath
from .whole import local_path


def check_reachable(url: str | AnyPath, output: str = "") -> None:
    """Check that something can be put at a path: no link there, and folders alone above it.

    Paths in other stores than this machine's are passed over.

    Parameters
    ----------
    output
        As `OutputError` takes it.

    Raises
    ------
    ForeignOutputError
        When a link or a device stands at the path, or a file where a folder above it is needed.
    StorageError
        When the folder that is to hold it cannot be written.
    """
    path = local_path(str(url)) if not isinstance(url, Path) else url
    if path is None:
        return
    if path.is_symlink():
        raise ForeignOutputError(f"{path} is a link", output)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ForeignOutputError(f"{path} is a device", output)
    folder = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    if not folder.is_dir():
        kind = "a link that leads nowhere" if folder.is_symlink() else "a file"
        raise ForeignOutputError(f"cannot create {path}: {folder} is {kind}", output)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StorageError(f"cannot create {path}: {folder} cannot be written")
