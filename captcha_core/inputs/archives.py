"""Images inside tar and zip files, which are never unpacked."""

import contextlib
import functools
import itertools
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ..errors import ImageError, InputError, StorageError
from ..images.files import MAX_BYTES
from ..storage import Folder
from ..storage.damage import TAR_DAMAGE, ZIP_DAMAGE, is_damage
from .entry import Entry, Item
from .folders import fetch, modified
from .names import name_filter

_UTF8 = 0x800  # flag of a zip's member whose name is UTF-8
_MAX_LABEL = 4096  # bytes of a .txt beside an image


class Tars:
    """The images of one uncompressed tar file, or of the tar files of a folder: shards.

    An entry says where its bytes lie, so a batch is read without looking at the rest.

    Parameters
    ----------
    names
        The tar files in `folder`.
    prefixed
        Whether an image's path begins with its tar file's name.
    labelled
        Whether the ``.txt`` that shares an image's stem is its label, as in WebDataset shards.
    """

    def __init__(
        self,
        folder: Folder,
        names: Sequence[str],
        *,
        patterns: Sequence[str],
        prefixed: bool,
        labelled: bool,
    ) -> None:
        self._folder = folder
        self._names = names
        self._accepts = name_filter(patterns)
        self._prefixed = prefixed
        self._labelled = labelled

    def entries(self) -> Iterator[Entry]:
        """Yield the images in the order of the files and of their members."""
        for name in self._names:
            try:
                with self._folder.open(name) as file, tarfile.open(fileobj=file, mode="r:") as archive:
                    yield from self._members(f"{name}/" if self._prefixed else "", archive, file)
            except FileNotFoundError:
                raise InputError(f"{self._folder.url} lacks {name}") from None
            except TAR_DAMAGE as error:
                raise _damaged_tar(name, error) from None
            except OSError as error:
                if is_damage(error):
                    raise _damaged_tar(name, error) from None
                raise StorageError(f"cannot read {name}: {error.strerror}") from error

    def items(self, entries: Sequence[Entry]) -> Iterator[Item]:
        """Yield what a solver reads, for each entry."""
        refusals = [_refusal(entry) for entry in entries]
        # Of a refused entry no bytes are read, so that the ranges stay in step with the entries.
        ranges = [
            (0, 0) if refusal else entry.at or (0, 0)
            for entry, refusal in zip(entries, refusals, strict=True)
        ]
        names = [self._name(entry) for entry in entries]
        contents: Iterator[bytes | ImageError]
        if self._folder.is_local:
            contents = self._from_disk(names, ranges)
        else:
            starts, ends = [start for start, _ in ranges], [start + size for start, size in ranges]
            contents = fetch(self._folder, names, starts, ends)
        for refusal, content in zip(refusals, contents, strict=True):
            yield refusal or content

    def modified(self, entry: Entry) -> float:
        """Return when an image's tar file last changed; 0 if unknown."""
        return modified(Path(self._folder.path(self._name(entry)))) if self._folder.is_local else 0.0

    def _from_disk(
        self, names: Sequence[str], ranges: Sequence[tuple[int, int]]
    ) -> Iterator[bytes | ImageError]:
        """Yield (offset, size) ranges of files, opening a file once for neighbouring ranges."""
        for name, group in itertools.groupby(zip(names, ranges, strict=True), key=lambda pair: pair[0]):
            try:
                file = Path(self._folder.path(name)).open("rb")  # noqa: SIM115 (closed below)
            except OSError as error:
                yield from (ImageError(f"cannot read {name}: {error.strerror}") for _ in group)
                continue
            with file:
                for _, (start, size) in group:
                    file.seek(start)
                    yield file.read(size)

    def _name(self, entry: Entry) -> str:
        return entry.path.partition("/")[0] if self._prefixed else self._names[0]

    def _members(self, prefix: str, archive: tarfile.TarFile, file: BinaryIO) -> Iterator[Entry]:
        """Yield images; with labels, each waits for the next member, which may be its label."""
        image: tarfile.TarInfo | None = None
        texts: dict[str, str] = {}
        while member := archive.next():
            archive.members.clear()  # type: ignore[attr-defined]  # it would keep a kilobyte a member
            if min(member.size, member.offset_data) < 0:
                raise tarfile.ReadError("negative size")
            if self._labelled and member.isreg() and member.name.lower().endswith(".txt"):
                texts[_stem(member.name)] = _label(file, member)
            elif not member.isdir() and self._accepts(member.name):
                if image:
                    yield self._entry(prefix, image, texts)
                image = member
            if len(texts) > 2:
                del texts[next(iter(texts))]
        if image:
            yield self._entry(prefix, image, texts)

    def _entry(self, prefix: str, member: tarfile.TarInfo, texts: dict[str, str]) -> Entry:
        return Entry(
            path=prefix + member.name,
            at=(member.offset_data, member.size) if member.isreg() and not member.issparse() else None,
            label=texts.get(_stem(member.name)),
        )


class Zip:
    """The images of one zip file."""

    def __init__(self, folder: Folder, name: str, *, patterns: Sequence[str]) -> None:
        self._folder = folder
        self._name = name
        self._accepts = name_filter(patterns)

    def entries(self) -> Iterator[Entry]:
        """Yield the images in the order of the zip's directory."""
        for member in self._archive().infolist():
            if not member.filename.endswith("/") and self._accepts(name := _member_name(member)):
                yield Entry(path=name)

    def items(self, entries: Sequence[Entry]) -> Iterator[Item]:
        """Yield what a solver reads, for each entry."""
        archive = self._archive()
        members = _members_by_name(archive)
        return (_unzipped(archive, members.get(entry.path)) for entry in entries)

    def modified(self, entry: Entry) -> float:
        """Return when the zip file last changed; 0 if unknown."""
        return modified(Path(self._folder.path(self._name))) if self._folder.is_local else 0.0

    def _archive(self) -> zipfile.ZipFile:
        try:
            size = self._folder.size(self._name)
        except FileNotFoundError:
            raise InputError(f"no such file: {self._folder.url}/{self._name}") from None
        return _open_zip(self._folder.url, self._name, size, self.modified(Entry(path="")))


@functools.lru_cache(maxsize=1)
def _open_zip(url: str, name: str, _size: int, _modified: float) -> zipfile.ZipFile:
    """Open a zip file once for all its batches: its directory is read as a whole."""
    try:
        return zipfile.ZipFile(Folder(url).open(name))
    except ZIP_DAMAGE as error:
        raise InputError(f"{name} is damaged or no zip file: {_reason(error)}") from None
    except OSError as error:
        if is_damage(error):
            raise InputError(f"{name} is damaged or no zip file: {_reason(error)}") from None
        raise StorageError(f"cannot read {name}: {error.strerror or error}") from None


@functools.lru_cache(maxsize=1)
def _members_by_name(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    return {_member_name(member): member for member in archive.infolist()}


def _member_name(member: zipfile.ZipInfo) -> str:
    """Return a member's name; where the zip does not say its encoding, UTF-8 or GBK if it can be that."""
    if member.flag_bits & _UTF8 or member.filename.isascii():
        return member.filename
    for encoding in ("utf-8", "gb2312"):  # the strict part of GBK: hardly any other encoding passes for it
        with contextlib.suppress(UnicodeError):
            return member.filename.encode("cp437").decode(encoding)
    return member.filename


def _unzipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo | None) -> bytes | ImageError:
    if member is None:
        return ImageError("no longer in the archive")
    try:
        # The size in the directory may be wrong, so no more is unpacked than is allowed.
        with archive.open(member) as file:
            return file.read(MAX_BYTES + 1)
    except Exception as error:  # noqa: BLE001  (each way of compression has errors of its own)
        return ImageError(f"cannot unpack it: {_reason(error)}")


def _damaged_tar(name: str, error: Exception) -> InputError:
    return InputError(
        f"{name} is damaged or compressed ({_reason(error)}): give a whole, uncompressed tar file"
    )


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _refusal(entry: Entry) -> ImageError | None:
    if entry.at is None:
        return ImageError("a link in the archive: the file it leads to is read under its own name")
    if entry.at[1] > MAX_BYTES:
        return ImageError(f"{entry.at[1]:,} bytes: over the limit of {MAX_BYTES:,}")
    return None


def _stem(name: str) -> str:
    folder, _, base = name.rpartition("/")
    return f"{folder}/{base.partition('.')[0]}"


def _label(file: BinaryIO, member: tarfile.TarInfo) -> str:
    if member.size > _MAX_LABEL:
        raise InputError(f"{member.name} has {member.size:,} bytes: that is no label")
    file.seek(member.offset_data)
    return file.read(member.size).decode("utf-8", "replace").strip()
