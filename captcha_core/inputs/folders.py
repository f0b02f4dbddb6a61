"""Images in a folder, of this machine or of any fsspec store, listed in a stable order."""

import errno
import itertools
import operator
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import CapqError, ImageError, InputError, NotAFolderError, StorageError
from ..images.files import MAX_BYTES
from ..storage import Folder
from .entry import Entry, Item
from .names import NameFilter, name_filter

_AT_ONCE = 32  # requests to a store
_PART = 1 << 20  # bytes that are fetched of so many images at once: of nearly all of them, everything
_LARGE_AT_ONCE = 4  # images whose rest is fetched together

_LASTING = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
"""What a store says of a file that is not there to be read; other errors may pass."""

_Range = tuple[str, int, int]
"""A file's name, and where in it to start and to end."""


def list_images(
    directory: str | Path, *, recursive: bool = False, patterns: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the images of a local directory, relative to it, with ``/`` between parts.

    Files come before the folders beside them, both in the order of their names. A file is an
    image by its extension, or by `patterns`; what it holds shows when it is read. Links to
    folders are not followed, so that a loop cannot trap the listing. No more than the names
    of one folder, and of those above it that are still to come, are held.

    Raises
    ------
    InputError
        When there is no such directory.
    StorageError
        When it, or one below it, cannot be read.
    """
    root = Path(directory).expanduser()
    if not root.exists():
        raise InputError(f"no such folder: {directory}")
    if not root.is_dir():
        raise NotAFolderError(f"{directory} is a file, not a folder")
    yield from _walk(str(root), "", name_filter(patterns), recursive)


class LocalFolder:
    """A folder of this machine."""

    def __init__(self, url: str, *, recursive: bool, patterns: Sequence[str]) -> None:
        self._root = Path(url)
        self._recursive = recursive
        self._patterns = patterns

    def entries(self) -> Iterator[Entry]:
        """Yield the images in their order."""
        paths = list_images(self._root, recursive=self._recursive, patterns=self._patterns)
        return (Entry(path=path) for path in paths)

    def items(self, entries: Sequence[Entry]) -> Iterator[Item]:
        """Yield what a solver reads, for each entry."""
        root = f"{self._root}/"  # plain text: of a million images, paths as objects cost seconds
        return (root + entry.path for entry in entries)

    def modified(self, entry: Entry) -> float:
        """Return when an image last changed, in seconds since the epoch; 0 if unknown."""
        return modified(self._root / entry.path)


class StoreFolder:
    """A folder of an fsspec store, such as ``s3://bucket/images``."""

    def __init__(self, url: str, *, recursive: bool, patterns: Sequence[str]) -> None:
        self._url = url
        self._folder = Folder(url)
        self._recursive = recursive
        self._accepts = name_filter(patterns)

    def entries(self) -> Iterator[Entry]:
        """Yield the images in the order of `list_images`."""
        if not self._folder.is_folder():
            raise InputError(f"no such folder: {self._url}")
        return (Entry(path=path) for path in self._walk(""))

    def items(self, entries: Sequence[Entry]) -> Iterator[Item]:
        """Yield what a solver reads, for each entry, fetching a few at once."""
        names = [entry.path for entry in entries]
        return fetch(self._folder, names, [0] * len(names), [MAX_BYTES + 1] * len(names))

    def modified(self, entry: Entry) -> float:
        """Return 0: stores differ too much in what they record."""
        return 0.0

    def _walk(self, below: str) -> Iterator[str]:
        folders = []
        for name, is_folder in self._folder.children(below):
            if is_folder:
                folders.append(name)
            elif self._accepts(below + name):
                yield below + name
        if self._recursive:
            for name in sorted(folders):
                yield from self._walk(f"{below}{name}/")


def fetch(
    folder: Folder, names: Sequence[str], starts: Sequence[int], ends: Sequence[int]
) -> Iterator[bytes | ImageError]:
    """Yield ranges of a store's files, in order; those that are not there, or forbidden, as their error.

    How large a file is shows only when it is fetched, so what is beyond a first part is fetched of
    a few files at a time.

    Raises
    ------
    StorageError
        When the store answers otherwise, or not at all: the files may be had later.
    """
    requests = list(zip(names, starts, ends, strict=True))
    for first in range(0, len(requests), _AT_ONCE):
        together = requests[first : first + _AT_ONCE]
        parts = _ranges(folder, [(name, start, min(end, start + _PART)) for name, start, end in together])
        for few in range(0, len(together), _LARGE_AT_ONCE):
            last = few + _LARGE_AT_ONCE
            for data in _completed(folder, together[few:last], parts[few:last]):
                if isinstance(data, _LASTING):
                    yield ImageError(f"cannot read it: {data or type(data).__name__}")
                elif isinstance(data, Exception):
                    raise StorageError(f"cannot read a file of {folder.url}: {data or type(data).__name__}")
                else:
                    yield data


def fetch_urls(urls: Sequence[str]) -> Iterator[bytes | ImageError]:
    """Yield the files at some URLs, in order; those that cannot be had as their error."""
    for parent, group in itertools.groupby(map(_parent_and_name, urls), key=operator.itemgetter(0)):
        names = [name for _, name in group]
        try:
            folder = Folder(parent)
        except CapqError as error:  # there is no such kind of store
            yield from (ImageError(str(error)) for _ in names)
            continue
        yield from fetch(folder, names, [0] * len(names), [MAX_BYTES + 1] * len(names))


def _parent_and_name(url: str) -> tuple[str, str]:
    parent, _, name = url.rpartition("/")
    return parent, name


def _completed(
    folder: Folder, requests: Sequence[_Range], parts: Sequence[bytes | Exception]
) -> Iterator[bytes | Exception]:
    """Yield whole ranges, of which the first parts are there."""
    cut = [_is_cut(request, part) for request, part in zip(requests, parts, strict=True)]
    # From the last byte that is there: a store may refuse a range that begins where its file ends.
    missing = [(name, start + _PART - 1, end) for name, start, end in itertools.compress(requests, cut)]
    rests = iter(_ranges(folder, missing) if missing else [])
    for part, is_cut in zip(parts, cut, strict=True):
        rest = next(rests) if is_cut else b""
        if isinstance(part, Exception) or not is_cut:
            yield part
        else:
            yield rest if isinstance(rest, Exception) else part[:-1] + rest


def _is_cut(request: _Range, part: bytes | Exception) -> bool:
    """Return whether a request's first part is full and there may be more."""
    _, start, end = request
    return not isinstance(part, Exception) and len(part) == _PART < end - start


def _ranges(folder: Folder, requests: Sequence[_Range]) -> list[bytes | Exception]:
    parts = folder.ranges(*(list(column) for column in zip(*requests, strict=True)))
    return [b"" if _begins_at_end(part) else part for part in parts]


def _begins_at_end(part: bytes | Exception) -> bool:
    """Tell whether S3 refused a range of which the file has no byte: it is empty, or shorter than it was."""
    return isinstance(part, OSError) and part.errno == errno.EINVAL


def modified(path: Path) -> float:
    """Return when a local file last changed, in seconds since the epoch; 0 when it is gone.

    A file that takes another's place may bring an older time of its own (mv, cp -p, rsync -t,
    unzip): when it came there counts then.
    """
    try:
        status = path.stat()
        return max(status.st_mtime, status.st_ctime)
    except (OSError, ValueError):
        return 0.0


def _walk(root: str, below: str, accepts: NameFilter, recursive: bool) -> Iterator[str]:
    files, folders = [], []
    try:
        with os.scandir(f"{root}/{below}") as children:
            for child in children:
                if child.is_dir(follow_symlinks=False):
                    folders.append(child.name)
                elif accepts(below + child.name):
                    files.append(child.name)
    except OSError as error:
        raise StorageError(f"cannot read {root}/{below}: {error.strerror}") from None
    files.sort()
    for name in files:
        yield below + name
    if recursive:
        files.clear()
        for name in sorted(folders):
            yield from _walk(root, f"{below}{name}/", accepts, recursive)
