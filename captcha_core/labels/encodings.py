"""Text files in the encodings that people have: UTF-8, UTF-16, and GBK of Chinese Windows."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import LabelFileError, StorageError
from ..storage import Folder

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNMARKED = ("utf-8", "gb2312")  # the strict part of GBK: hardly any other encoding passes for it
_CHUNK = 1 << 20
_NAMES = {"gb2312": "GBK", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}


def encoding_of(folder: Folder, name: str) -> str:
    """Return the encoding in which a text file can be read.

    Raises
    ------
    LabelFileError
        When it is in none of these.
    """
    with _opened(folder, name) as file:
        head = file.read(_CHUNK)
        for mark, encoding in _MARKS:
            if head.startswith(mark):
                return encoding
        candidates = _without_mark(head) or _UNMARKED
        for encoding in candidates:
            file.seek(0)
            if _decodes(file, encoding):
                return encoding
    raise LabelFileError(f"{name} is neither UTF-8 nor UTF-16 nor GBK")


def encoding_note(name: str, encoding: str) -> str:
    """Say in which encoding a file is read where another one may be meant; empty for the usual one."""
    return f"{name} is read as {_NAMES[encoding]}" if encoding in _NAMES else ""


@contextmanager
def open_text(folder: Folder, name: str, encoding: str) -> Iterator[io.TextIOWrapper]:
    """Open a text file as it is, with the ends of its lines."""
    with _opened(folder, name) as file:
        text = io.TextIOWrapper(file, encoding, newline="")
        try:
            yield text
        except UnicodeDecodeError as error:
            raise LabelFileError(f"{name} cannot be read as {error.encoding}: {error.reason}") from None
        finally:
            text.detach()


def lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Yield the lines without their ends."""
    return (line.rstrip("\r\n") for line in text)


@contextmanager
def _opened(folder: Folder, name: str) -> Iterator[io.BufferedReader]:
    try:
        with folder.open(name) as file:
            yield file  # type: ignore[misc]  # fsspec's files are read as buffered ones are
    except OSError as error:
        raise StorageError(f"cannot read {folder.url}/{name}: {error.strerror or error}") from error


def _without_mark(head: bytes) -> tuple[str, ...]:
    """Return the UTF-16 that zeros in every other byte show; nothing without them."""
    if b"\0" not in head:
        return ()
    return ("utf-16-le",) if head[1::2].count(0) > head[::2].count(0) else ("utf-16-be",)


def _decodes(file: io.BufferedReader, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
