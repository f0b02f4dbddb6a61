"""Paths in other stores than this machine's, with the methods of `pathlib.Path` that capq needs."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeAlias

from ..errors import ForeignOutputError, StorageError
from . import whole
from .folder import Folder


class _Status(NamedTuple):
    st_size: int


class StoredPath:
    """A path in a store, such as ``s3://bucket/model/model.json``.

    Reading raises FileNotFoundError where there is nothing, and StorageError for whatever else may
    go wrong. Nothing is written through it: see `whole_file` and `new_folder`.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.folder = Folder(self.url)

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"StoredPath({self.url!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredPath) and other.url == self.url

    def __hash__(self) -> int:
        return hash(self.url)

    def __lt__(self, other: "StoredPath") -> bool:
        return self.url < other.url

    def __truediv__(self, name: str) -> "StoredPath":
        return StoredPath(f"{self.url}/{name}")

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> "StoredPath":
        return StoredPath(self.url.rpartition("/")[0])

    def with_name(self, name: str) -> "StoredPath":
        return self.parent / name

    def absolute(self) -> "StoredPath":
        return self

    def exists(self) -> bool:
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        with self._storage_errors():
            return self.folder.is_file()

    def is_dir(self) -> bool:
        with self._storage_errors():
            return self.folder.is_folder()

    def is_symlink(self) -> bool:
        return False

    def mkdir(self, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Do nothing: stores have no empty folders."""

    def stat(self) -> _Status:
        with self._storage_errors():
            return _Status(self.folder.own_size())

    def read_bytes(self) -> bytes:
        with self._storage_errors():
            return self.folder.own_bytes()

    def iterdir(self) -> Iterator["StoredPath"]:
        with self._storage_errors():
            names = [name for name, _ in self.folder.children()]
        return (self / name for name in names)

    def glob(self, pattern: str) -> Iterator["StoredPath"]:
        """Yield the paths below this one that match a pattern; none where there is nothing."""
        with self._storage_errors():
            names = self.folder.matching(pattern)
        return (self / name for name in names)

    def unlink(self, *, missing_ok: bool = False) -> None:
        with self._storage_errors(), contextlib.suppress(*([FileNotFoundError] if missing_ok else [])):
            self.folder.remove_own_file()

    def remove_tree(self) -> None:
        """Delete the folder with all that is in it, if it is there."""
        with self._storage_errors():
            self.folder.remove()

    @contextlib.contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageError(f"cannot reach {self.url}: {error.strerror or error}") from error


AnyPath: TypeAlias = Path | StoredPath
"""A path on this machine, or in a store."""


def as_path(url: str | AnyPath) -> AnyPath:
    """Return the path that a string means; a ``~`` at its beginning is the user's home."""
    if isinstance(url, StoredPath):
        return url
    if "://" not in str(url):
        return Path(url).expanduser()
    return whole.local_path(url) or StoredPath(str(url))


def remove_tree(path: AnyPath) -> None:
    """Delete a folder with all that is in it."""
    if isinstance(path, StoredPath):
        path.remove_tree()
    else:
        shutil.rmtree(path)


def stands(path: AnyPath) -> bool:
    """Tell whether there is anything at a path that a new folder would displace."""
    return path.exists() if isinstance(path, StoredPath) else whole.stands(path)


Check = Callable[[AnyPath], None]
"""Raises what forbids to replace the thing that stands at a path."""


@contextlib.contextmanager
def new_folder(
    target: AnyPath, completed_by: str, *, check: Check | None = None, parents: bool = True
) -> Iterator[Path]:
    """Yield an empty local folder whose files appear at `target` when the block ends well.

    On this machine all of them do at once, see `whole.whole_folder`. A store has no folders to be
    renamed: there one file's presence says that all are there. It is sent last, and what is
    replaced is deleted before.

    Parameters
    ----------
    target
        Where they go.
    completed_by
        The name of that file.
    check, parents
        As `whole.whole_folder` takes them.

    Raises
    ------
    StorageError
        When the folder or store cannot be read or written.
    ForeignOutputError
        When a file or a link stands there, and whatever else `check` raises.
    """
    if isinstance(target, Path):
        with whole.whole_folder(target, check=check, parents=parents) as aside:
            yield aside
        return
    _check(target, check)
    with tempfile.TemporaryDirectory(prefix="capq-") as local:
        yield Path(local)
        _check(target, check)
        if check is None and (target / completed_by).is_file():
            return
        _send(Path(local), target, completed_by)


def _check(target: StoredPath, check: Check | None) -> None:
    if target.is_file():
        raise ForeignOutputError(f"{target} is a file, not a folder")
    if check and target.is_dir():
        check(target)


def _send(local: Path, target: StoredPath, completed_by: str) -> None:
    target.remove_tree()
    names = sorted(path.name for path in local.iterdir())
    for name in sorted(names, key=lambda name: name == completed_by):
        target.folder.upload(name, local / name)
