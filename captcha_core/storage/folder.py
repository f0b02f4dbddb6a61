"""Folders on any fsspec store, with writes that appear whole or not at all."""

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from fsspec.implementations.local import LocalFileSystem

from ..errors import InputError, StorageError
from . import paging
from .stores import open_store
from .whole import whole_file


class Folder:
    """A folder addressed by a path or an fsspec URL such as ``s3://bucket/data``.

    Names inside it are relative, with ``/`` between parts, and cannot leave it.
    """

    def __init__(self, url: str | Path) -> None:
        self.url = str(url)
        self._fs, root = open_store(self.url)
        self._root = root.rstrip("/")

    @property
    def is_local(self) -> bool:
        return isinstance(self._fs, LocalFileSystem)

    @property
    def root(self) -> str:
        """The folder's path in its store; of this machine, a local path."""
        return self._root or "/"

    def __truediv__(self, name: str) -> "Folder":
        return Folder(f"{self.url.rstrip('/')}/{_inside(name)}")

    def path(self, name: str) -> str:
        """Return the store's own path of a name in this folder."""
        return f"{self._root}/{_inside(name)}"

    def exists(self, name: str = "") -> bool:
        """Tell whether the folder is there, or the file or folder of a name in it."""
        return bool(self._kind(self.path(name) if name else self._root))

    def is_folder(self) -> bool:
        if self._is_paged:
            return paging.holds_anything(self._fs, self._root)
        return bool(self._fs.isdir(self._root))

    def is_file(self) -> bool:
        """Tell whether a file stands at this path instead of a folder."""
        return self._kind(self._root) == "file"

    def create(self) -> None:
        """Make the folder and its parents.

        Raises
        ------
        StorageError
            When a file stands in the way or the store cannot be written.
        """
        try:
            self._fs.makedirs(self._root, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot create {self.url}: {error.strerror or error}") from error

    def read(self, name: str, *, most: int | None = None) -> bytes:
        """Return a file's bytes, or the first `most` of them; FileNotFoundError when there is none."""
        if self.is_local:
            with Path(self.path(name)).open("rb") as file:
                return file.read(-1 if most is None else most)
        return bytes(self._fs.cat_file(self.path(name), end=most))

    def write(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """Write a file, over an older one; readers see all of it or nothing.

        Object stores always behave so; of a local file see `whole_file`.

        Raises
        ------
        StorageError
            When it cannot be written.
        """
        if self.is_local:
            with whole_file(self.path(name), durable=durable) as file:
                file.write(data)
        else:
            with self._storage_errors(name):
                self._fs.pipe_file(self.path(name), data)

    def write_in_place(self, name: str, data: bytes) -> None:
        """Write a file that nobody reads before another file says that it is complete."""
        with self._storage_errors(name):
            if self.is_local:
                Path(self.path(name)).write_bytes(data)
            else:
                self._fs.pipe_file(self.path(name), data)

    def _kind(self, path: str) -> str:
        """Return what stands at a path, ``file`` or ``directory``; nothing where nothing does.

        fsspec's own `exists` and `isfile` take whatever a store answers for "it is not there".
        """
        try:
            return str(self._fs.info(path)["type"])
        except FileNotFoundError:
            return ""

    @functools.cached_property
    def _is_paged(self) -> bool:
        return not self.is_local and paging.is_paged(self._fs, self._root)

    @contextlib.contextmanager
    def _storage_errors(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(f"cannot write {self.url}/{name}: {error.strerror or error}") from error

    def names(self, suffix: str = "") -> list[str]:
        """Return the sorted names of the files directly in this folder."""
        if not self.exists():
            return []
        names = (name for name, _ in self.children())
        return sorted(name for name in names if name.endswith(suffix) and not name.endswith(".tmp"))

    def children(self, below: str = "") -> Iterator[tuple[str, bool]]:
        """Yield the name of each file and folder in this one, or `below` it, and whether it is a folder.

        The files of another store come in the order of their names, as they are listed.

        Raises
        ------
        FileNotFoundError
            When there is no such folder.
        """
        path = self.path(below) if below else self._root
        if self._is_paged:
            yield from paging.children(self._fs, path)
            return
        for entry in sorted(self._fs.ls(path, detail=True), key=_entry_name):
            name = _entry_name(entry)
            if name and entry["name"].rstrip("/") != path:
                yield name, entry["type"] == "directory"

    def matching(self, pattern: str) -> list[str]:
        """Return the sorted names below this folder that match a pattern such as ``*/state.json``."""
        paths = self._fs.glob(f"{self._root}/{pattern}")
        return sorted(str(path).strip("/").removeprefix(f"{self._root.strip('/')}/") for path in paths)

    def ranges(self, names: list[str], starts: list[int], ends: list[int]) -> list[bytes | Exception]:
        """Return ranges of files, in order; at once where the store can, errors in their places."""
        paths = [self.path(name) for name in names]
        return list(self._fs.cat_ranges(paths, starts, ends, on_error="return"))

    def size(self, name: str) -> int:
        """Return a file's size in bytes; FileNotFoundError when there is none."""
        return int(self._fs.size(self.path(name)))

    def open(self, name: str) -> BinaryIO:
        """Open a file to be read from any position."""
        return cast(BinaryIO, self._fs.open(self.path(name), "rb"))

    def upload(self, name: str, source: Path) -> None:
        """Write a file from one of this machine, over an older one; readers see all of it or nothing."""
        with self._storage_errors(name):
            self._fs.put_file(str(source), self.path(name))

    def own_bytes(self) -> bytes:
        """Return the bytes of the file that stands at this path instead of a folder."""
        return bytes(self._fs.cat_file(self._root))

    def own_size(self) -> int:
        """Return the size of the file that stands at this path instead of a folder."""
        return int(self._fs.size(self._root))

    def remove_own_file(self) -> None:
        """Delete the file that stands at this path instead of a folder."""
        self._fs.rm_file(self._root)

    def remove(self) -> None:
        """Delete the folder and what is in it, if it is there."""
        if self.exists():
            self._fs.rm(self._root, recursive=True)

    def remove_file(self, name: str) -> None:
        """Delete a file in the folder, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self.path(name))

    def remove_if_empty(self) -> None:
        """Delete the folder if it is there and holds nothing; object stores have no empty folders."""
        if self.is_local:
            with contextlib.suppress(OSError):
                Path(self._root).rmdir()

    def read_lines(self, name: str) -> Iterator[str]:
        """Yield a text file's lines without their ends, streaming."""
        with self._fs.open(self.path(name), "rb") as file:
            for line in file:
                yield line.decode().rstrip("\r\n")


def absolute(url: str | Path) -> str:
    """Return a local path made absolute, as processes with another current folder need it; URLs stay."""
    return str(url) if "://" in str(url) else str(Path(url).expanduser().absolute())


def parent_and_name(url: str) -> tuple[Folder, str]:
    """Return the folder that holds a file, and the file's name in it."""
    parent, _, name = url.rpartition("/")
    return Folder(parent or "/"), name


def _entry_name(entry: dict[str, Any]) -> str:
    return PurePosixPath(entry["name"]).name


def _inside(name: str) -> str:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise InputError(f"{name!r} is not a name inside a folder")
    return "/".join(parts)
