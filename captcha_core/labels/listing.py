"""The files of a folder and of the folders below it, listed once."""

import enum
import functools
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..errors import StorageError
from ..images.files import EXTENSIONS
from ..storage import Folder

_UNUSED_FOLDERS = frozenset({"__MACOSX", "__pycache__"})
_NO_FILE = "not a file"
_HIDDEN = "a hidden file"
_OTHER_FORMAT = "an image in a format that is not read"
_OTHER_FORMATS = frozenset(
    {
        ".avif",
        ".heic",
        ".ico",
        ".jfif",
        ".jp2",
        ".jxl",
        ".pgm",
        ".ppm",
        ".psd",
        ".svg",
        ".tga",
        ".tif",
        ".tiff",
    }
)
_LINKED_FOLDER = "a link to a folder, which is not followed"
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
        Images that are hidden, such as ``._1.png`` of macOS, or in other formats, names of images
        that are no files, and links to folders, each with the reason.
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


class _Kind(enum.Enum):
    """What a name in a folder stands for; of a link what it leads to, unless that is a folder."""

    FILE = enum.auto()
    FOLDER = enum.auto()
    LINKED_FOLDER = enum.auto()
    BROKEN_LINK = enum.auto()
    OTHER = enum.auto()


_Children = Callable[[str], Iterator[tuple[str, _Kind]]]
"""Yields for a folder the name of each child, and what it stands for."""


def _list_below(below: str, files: Files, children: _Children) -> None:
    folders = []
    for name, kind in sorted(children(below), key=lambda child: child[0]):
        if kind not in (_Kind.FOLDER, _Kind.LINKED_FOLDER):
            _add_file(files, below, name, kind)
        elif name.startswith(".") or name in _UNUSED_FOLDERS:
            continue
        elif kind is _Kind.FOLDER:
            folders.append(name)
        else:
            files.left_out.append((_LINKED_FOLDER, below + name))
    for name in folders:
        _list_below(f"{below}{name}/", files, children)


def _add_file(files: Files, below: str, name: str, kind: _Kind) -> None:
    extension, hidden = name[name.rfind(".") :].lower(), name.startswith(".")
    if extension in _OTHER_FORMATS and not hidden:
        files.left_out.append((_OTHER_FORMAT, below + name))
    elif extension not in EXTENSIONS:
        # A label file that is a broken link is not passed over: reading it says so.
        if kind is not _Kind.OTHER and not hidden:
            files.others.append(below + name)
    elif kind is not _Kind.FILE:
        files.left_out.append((_NO_FILE, below + name))
    elif hidden:
        files.left_out.append((_HIDDEN, below + name))
    else:
        files.images.append(below + name)


def _local_children(folder: Folder) -> _Children:
    def children(below: str) -> Iterator[tuple[str, _Kind]]:
        try:
            with os.scandir(f"{folder.root}/{below}") as entries:
                for entry in entries:
                    yield entry.name, _kind(entry)
        except OSError as error:
            raise StorageError(f"cannot read {folder.root}/{below}: {error.strerror}") from None

    return children


def _kind(entry: os.DirEntry[str]) -> _Kind:
    if entry.is_file(follow_symlinks=False):
        return _Kind.FILE
    if entry.is_dir(follow_symlinks=False):
        return _Kind.FOLDER
    if not entry.is_symlink():
        return _Kind.OTHER
    try:
        mode = entry.stat().st_mode
    except OSError:  # it leads nowhere, or to itself
        return _Kind.BROKEN_LINK
    return _Kind.LINKED_FOLDER if stat.S_ISDIR(mode) else _Kind.FILE if stat.S_ISREG(mode) else _Kind.OTHER


def _store_children(folder: Folder) -> _Children:
    def children(below: str) -> Iterator[tuple[str, _Kind]]:
        for name, is_folder in folder.children(below):
            yield name, _Kind.FOLDER if is_folder else _Kind.FILE

    return children


def printable(name: str) -> str:
    """Return a file's name with what JSON and screens cannot take in it spelt out.

    That is bytes that are no UTF-8, line breaks and other control characters, such as those that
    move a terminal's cursor.
    """
    text = name if name.isprintable() else "".join(map(_spelt, name))
    return text.encode("utf-8", "backslashreplace").decode()


def _spelt(character: str) -> str:
    control = unicodedata.category(character) == "Cc"
    return character.encode("unicode_escape").decode() if control else character


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
