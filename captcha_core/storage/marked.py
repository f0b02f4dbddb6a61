"""Pictures, pages and figures for people: files that bear a mark, by which capq knows them again.

The mark stands at the file's end: ``capq KIND SUBJECT DIGEST``. KIND is what the file shows
(``preview``, ``curves``, ``report``, ``evaluation``), SUBJECT stands for what it shows that of, and
DIGEST is the SHA-256 of all bytes before the mark. A file without a mark, or that was changed since,
is not capq's to replace.
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

from ..errors import ForeignOutputError, OutputExistsError, StorageError
from .folder import absolute, parent_and_name
from .reach import check_reachable
from .whole import whole_file

_MARK = re.compile(rb"capq ([a-z]+) ([0-9a-f]{16}) ([0-9a-f]{64})")
_TAIL = 256  # bytes at a file's end that hold its mark
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_PNG_KEY = b"tEXtSoftware\0"


class Mark(NamedTuple):
    """What a file shows, and 16 hex digits that stand for what it shows that of."""

    kind: str
    subject: str


@dataclass(frozen=True)
class MarkedFile:
    """A file that is to be written, and to be known again.

    Attributes
    ----------
    path
        Path or URL; ends in .png, .svg or .json, otherwise it is HTML.
    kind
        What it shows, one lower-case word: ``preview``.
    subject
        What it shows that of. A file of the same kind and subject is brought up to date.
    overwrite
        Whether a file of that kind and of another subject may be replaced.
    """

    path: str
    kind: str
    subject: str
    overwrite: bool = False

    def check(self) -> None:
        """Check that the file may be written.

        Raises
        ------
        ForeignOutputError
            When anything else is there than such a file, or a file stands where a folder is needed.
        OutputExistsError
            When one of another subject is there, and `overwrite` is not set.
        StorageError
            When it cannot be read or written.
        """
        check_reachable(self.path, self.kind)
        content = _content(self.path, self.kind)
        if not content:
            return
        mark = read_mark(content)
        if mark is None or mark.kind != self.kind:
            raise ForeignOutputError(f"{self.path} is not {self._described} as capq wrote it", self.kind)
        if not self.overwrite and mark != self._mark:
            raise OutputExistsError(f"{self.path} is {self._described} of something else", self.kind)

    def write(self, data: bytes) -> None:
        """Write the file with its mark, and the folders above it; `check` is done again."""
        self.check()
        parent_and_name(absolute(self.path))[0].create()
        with whole_file(self.path) as file:
            file.write(marked(data, self._mark, PurePosixPath(self.path).suffix.lower()))

    def remove(self) -> None:
        """Delete the file if it is there; `check` is done again."""
        self.check()
        folder, name = parent_and_name(absolute(self.path))
        folder.remove_file(name)

    @property
    def _described(self) -> str:
        return f"{'an' if self.kind[0] in 'aeiou' else 'a'} {self.kind}"

    @property
    def _mark(self) -> Mark:
        return Mark(self.kind, hashlib.sha256(self.subject.encode("utf-8", "surrogatepass")).hexdigest()[:16])


def marked(data: bytes, mark: Mark, suffix: str) -> bytes:
    """Return a file's bytes with a mark, in the way of its format: a chunk, a comment or a field."""
    length = len(f"capq {mark.kind} {mark.subject} ") + 64
    before, ending = _FORMATS.get(suffix, _comment)(data, length)
    text = f"capq {mark.kind} {mark.subject} {hashlib.sha256(before).hexdigest()}".encode()
    return before + text + ending(text)


def read_mark(data: bytes) -> Mark | None:
    """Return a file's mark; None where it has none, or was changed since."""
    match = _MARK.search(data, max(0, len(data) - _TAIL))
    if match is None or hashlib.sha256(data[: match.start()]).hexdigest().encode() != match[3]:
        return None
    endings = (_png_ending, _comment_ending, _json_ending)
    if data[match.end() :] not in {ending(match[0]) for ending in endings}:
        return None
    return Mark(match[1].decode(), match[2].decode())


_Ending = Callable[[bytes], bytes]
"""Returns what comes after the mark of that text."""


def _png(data: bytes, length: int) -> tuple[bytes, _Ending]:
    chunk_length = struct.pack(">I", len(_PNG_KEY) - len(b"tEXt") + length)
    return data.removesuffix(_PNG_END) + chunk_length + _PNG_KEY, _png_ending


def _comment(data: bytes, length: int) -> tuple[bytes, _Ending]:
    return data + b"<!-- ", _comment_ending


def _json(data: bytes, length: int) -> tuple[bytes, _Ending]:
    return data.rstrip().removesuffix(b"}").rstrip() + b',\n "mark": "', _json_ending


def _png_ending(text: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(_PNG_KEY + text)) + _PNG_END


def _comment_ending(text: bytes) -> bytes:
    return b" -->\n"


def _json_ending(text: bytes) -> bytes:
    return b'"\n}\n'


_FORMATS: dict[str, Callable[[bytes, int], tuple[bytes, _Ending]]] = {".png": _png, ".json": _json}


def _content(path: str, output: str) -> bytes:
    """Return what the file at a path holds; nothing where there is none."""
    folder, name = parent_and_name(absolute(path))
    if (folder / name).is_folder():
        raise ForeignOutputError(f"{path} is a folder", output)
    if not folder.exists(name):
        return b""
    try:
        return folder.read(name)
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from error
