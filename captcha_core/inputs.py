"""The images of a directory, listed in a stable order without holding them all."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from .errors import DatasetError
from .images import EXTENSIONS


def list_images(directory: str | Path, *, recursive: bool = False) -> Iterator[str]:
    """Yield the images of a local directory, relative to it, with ``/`` between parts.

    Files come before the folders beside them, both in the order of their names. A file is an
    image by its extension; what it holds shows when it is read. Links to folders are not
    followed, so that a loop cannot trap the listing.

    Raises
    ------
    DatasetError
        When there is no such directory or it cannot be read.
    """
    root = Path(directory).expanduser()
    if not root.exists():
        raise DatasetError(f"no such folder: {directory}")
    if not root.is_dir():
        raise DatasetError(f"{directory} is a file, not a folder: read single images with `capq solve`")
    yield from _walk(root, PurePosixPath(), recursive)


def _walk(root: Path, below: PurePosixPath, recursive: bool) -> Iterator[str]:
    files, folders = [], []
    try:
        with os.scandir(root / below) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif os.path.splitext(entry.name)[1].lower() in EXTENSIONS:  # noqa: PTH122 (a million times)
                    files.append(entry.name)
    except OSError as error:
        raise DatasetError(f"cannot read {root / below}: {error.strerror}") from None
    for name in sorted(files):
        yield str(below / name)
    if recursive:
        for name in sorted(folders):
            yield from _walk(root, below / name, recursive)
