"""Where images come from: recognised by what the user named, opened by whoever reads them."""

import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol

import pydantic

from ..errors import CapqError, InputError, LabelError, NotAFolderError
from ..images.files import EXTENSIONS
from ..storage import Folder, parent_and_name
from . import labels
from .archives import Tars, Zip
from .entry import Entry, Item
from .folders import LocalFolder, StoreFolder
from .lists import STANDARD_INPUT, PathList

_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")


class Inputs(Protocol):
    """Images that can be listed, and read in any order afterwards."""

    def entries(self) -> Iterator[Entry]:
        """Yield the images in a stable order, streaming."""

    def items(self, entries: Sequence[Entry]) -> Iterator[Item]:
        """Yield for each entry what a solver reads, or why there is nothing to read."""

    def modified(self, entry: Entry) -> float:
        """Return when an image last changed, in seconds since the epoch; 0 if unknown."""


class Source(pydantic.BaseModel):
    """Where images come from, as it travels to the workers.

    Attributes
    ----------
    kind
        A folder, the tar shards of a folder, one tar or zip file, or a list of paths.
    url
        The folder's or file's path or URL; ``-`` for a list on standard input.
    root
        What the paths in the results are relative to.
    recursive, patterns
        Whether folders below are read; which names, where not all images.
    labelled
        Whether texts beside the images are their labels.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    kind: Literal["folder", "shards", "tar", "zip", "list"]
    url: str
    root: str
    recursive: bool = False
    patterns: tuple[str, ...] = ()
    labelled: bool = False

    def same_paths(self, other: "Source") -> bool:
        """Tell whether a path means the same image in both."""
        return (self.kind, self.root) == (other.kind, other.root)

    def open(self) -> Inputs:
        """Return the images."""
        match self.kind:
            case "folder" if "://" in self.url:
                return StoreFolder(self.url, recursive=self.recursive, patterns=self.patterns)
            case "folder":
                return LocalFolder(self.url, recursive=self.recursive, patterns=self.patterns)
            case "list":
                return PathList(self.url, self.root)
            case "zip":
                return Zip(*parent_and_name(self.url), patterns=self.patterns)
            case "tar":
                folder, name = parent_and_name(self.url)
                names = [name]
            case "shards":
                folder = Folder(self.url)
                names = folder.names(".tar")
        return Tars(
            folder,
            names,
            patterns=self.patterns,
            prefixed=self.kind == "shards",
            labelled=self.labelled,
        )

    def first(self, count: int) -> list[Entry]:
        """Return the images that are listed first; a list on standard input still yields them later.

        Where the listing fails after some images, as in a damaged archive, these are returned: who
        lists them all meets the fault again, and knows what to do with the images before it.
        """
        inputs = self.open()
        if isinstance(inputs, PathList):
            return inputs.first(count)
        entries: list[Entry] = []
        try:
            for entry in itertools.islice(inputs.entries(), count):
                entries.append(entry)
        except CapqError:
            if not entries:
                raise
        return entries


def find_source(
    url: str, *, recursive: bool = False, patterns: Sequence[str] = (), label: str = ""
) -> Source:
    """Recognise what was named: by its ending, or by what a folder holds.

    Parameters
    ----------
    url
        A local path, made absolute, an fsspec URL, or ``-``.
    label
        Where labels come from, as `labels.open_labels` takes it.

    Raises
    ------
    InputError
        When there is no such thing, or it cannot be read in batches.
    LabelError
        When labels were asked for that such images do not have.
    """
    if url.startswith("file:"):
        url = Folder(url).root
    kind = _kind(url, recursive)
    if label == labels.BESIDE and kind not in ("tar", "shards"):
        raise LabelError(f"labels {labels.BESIDE!r} are for tar files and shards: {url} is neither")
    if recursive and kind != "folder":
        raise InputError(f"only folders are read recursively, and {url} is none: it is read as a whole")
    if patterns and kind == "list":
        raise InputError("a pattern chooses among files that are found; a list names each of them")
    return Source(
        kind=kind,
        url=url,
        root=str(Path.cwd()) if kind == "list" else url,
        recursive=recursive,
        patterns=tuple(patterns),
        labelled=label == labels.BESIDE,
    )


def _kind(url: str, recursive: bool) -> Literal["folder", "shards", "tar", "zip", "list"]:
    if url == STANDARD_INPUT:
        return "list"
    folder = Folder(url)
    if folder.is_folder():
        return "shards" if not recursive and _holds_shards(folder) else "folder"
    if not folder.exists():
        raise InputError(f"no such folder: {url}")
    lower = url.lower()
    if lower.endswith(_COMPRESSED):
        raise InputError(f"{url} is compressed, and its images cannot be read in batches: unpack it to .tar")
    match PurePosixPath(lower).suffix:
        case ".tar":
            return "tar"
        case ".zip":
            return "zip"
        case ".txt":
            return "list"
        case suffix if suffix in EXTENSIONS:
            raise NotAFolderError(f"{url} is a single image, not a folder")
    raise InputError(f"{url} is no folder, .tar, .zip or .txt with paths")


def _holds_shards(folder: Folder) -> bool:
    """Tell whether a folder's own files are tar files, and none of them is an image."""
    tars = False
    for name in _file_names(folder):
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in EXTENSIONS:
            return False
        tars = tars or suffix == ".tar"
    return tars


def _file_names(folder: Folder) -> Iterator[str]:
    if not folder.is_local:
        yield from (name for name, is_folder in folder.children() if not is_folder)
        return
    # One at a time: a folder may hold a million, and the first image settles it.
    with os.scandir(folder.root) as children:
        yield from (child.name for child in children if not child.is_dir(follow_symlinks=False))
