"""The files of a folder and of the folders below it, listed once."""

import functools
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..errors import StorageError
from ..images.files import EXTENSIONS
from ..storage import Folder

_UNUSED_FOLDERS = frozenset({"__MACOSX", "__pycache__"})
_NO_FILE = "not a file"
_HIDDEN = "a hidden file"
_LONG = 1000  # digits, from which on they are text: Python turns no more than 4,300 into a number


@dataclass
class Files:
    """What a folder holds, by paths relative to it.

    Attributes
    ----------
    images
        Files with an image's extension: those of a folder before those of the folders below it,
        each in the order of their names.
    others
        Other files that are not hidden, in the same order.
    left_out
        Images that are hidden, such as ``._1.png`` of macOS, and names of images that are no
        files, each with the reason.
    """

    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    @functools.cached_property
    def nearest(self) -> list[str]:
        """The images of the folder itself; if it has none, those below."""
        return [path for path in self.images if "/" not in path] or self.images


def list_files(folder: Folder) -> Files:
    """List a folder and the folders below it. Hidden folders are passed over, and links not followed.

    Raises
    ------
    StorageError
        When a folder cannot be read.
    """
    files = Files()
    children = _local_children(folder) if folder.is_local else _store_children(folder)
    _list_below("", files, children)
    return files


_Children = Callable[[str], Iterator[tuple[str, bool, bool]]]
"""Yields for a folder the name of each child, whether it is a folder, and whether it is a file."""


def _list_below(below: str, files: Files, children: _Children) -> None:
    folders = []
    for name, is_folder, is_file in sorted(children(below)):
        if is_folder:
            if not name.startswith(".") and name not in _UNUSED_FOLDERS:
                folders.append(name)
        elif name[name.rfind(".") :].lower() not in EXTENSIONS:
            if is_file and not name.startswith("."):
                files.others.append(below + name)
        elif not is_file:
            files.left_out.append((_NO_FILE, below + name))
        elif name.startswith("."):
            files.left_out.append((_HIDDEN, below + name))
        else:
            files.images.append(below + name)
    for name in folders:
        _list_below(f"{below}{name}/", files, children)


def _local_children(folder: Folder) -> _Children:
    def children(below: str) -> Iterator[tuple[str, bool, bool]]:
        try:
            with os.scandir(f"{folder.root}/{below}") as entries:
                for entry in entries:
                    yield entry.name, entry.is_dir(follow_symlinks=False), entry.is_file()
        except OSError as error:
            raise StorageError(f"cannot read {folder.root}/{below}: {error.strerror}") from None

    return children


def _store_children(folder: Folder) -> _Children:
    def children(below: str) -> Iterator[tuple[str, bool, bool]]:
        for name, is_folder in folder.children(below):
            yield name, is_folder, not is_folder

    return children


def printable(name: str) -> str:
    """Return a file's name with the bytes in it that are no UTF-8 spelt out: JSON and screens need it."""
    return name.encode("utf-8", "backslashreplace").decode()


def numeric_order(name: str) -> list[tuple[int, str]]:
    """Order 2.png before 10.png."""
    return [
        (int(part), "") if part.isdecimal() and len(part) < _LONG else (-1, part)
        for part in re.split(r"(\d+)", name)
    ]


def stem(path: str) -> str:
    """Return a file's name without its folder and extension."""
    name = path[path.rfind("/") + 1 :]  # not pathlib, which takes seconds for a million
    dot = name.rfind(".")
    return name[:dot] if dot > 0 else name


def parent(path: str) -> str:
    """Return the folder of a path, with a ``/`` at its end; empty for none."""
    return path[: path.rfind("/") + 1]
