"""What Python's readers of tar and zip files raise for damaged ones, beside errors of their own."""

import errno
import struct
import tarfile
import zipfile

_ANY = (ValueError, LookupError, ArithmeticError, EOFError, MemoryError, RuntimeError, struct.error)
"""Sizes without bounds, names in no encoding, headers that are cut short, methods that are not there."""

TAR_DAMAGE: tuple[type[Exception], ...] = (tarfile.TarError, *_ANY)
ZIP_DAMAGE: tuple[type[Exception], ...] = (zipfile.BadZipFile, *_ANY)


def is_damage(error: OSError) -> bool:
    """Tell whether an OSError is the archive's fault: it names a place that no file can have."""
    return error.errno in (errno.EINVAL, None)
