"""Stores other than this machine's file system, whose clients raise errors of their own."""

import functools
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from ..errors import InputError, MissingExtraError, StorageError

_S3 = ("s3://", "s3a://")
_LISTED = (*_S3, "gs://", "gcs://", "abfs://", "az://")
_FRESH = {"use_listings_cache": False}
"""fsspec would keep what a folder held when it was first listed; other machines write into it meanwhile."""


class RemoteStore:
    """An fsspec file system of another store, of which every failure is an OSError or a StorageError.

    fsspec has the errors of files as Python has them. What a client raises when the store cannot be
    reached, or answers what it does not expect, is of the client's own classes.
    """

    def __init__(self, filesystem: Any, url: str | Path) -> None:
        self._filesystem = filesystem
        self._url = url

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._filesystem, name)
        return _with_storage_errors(member, self._url) if callable(member) else member


def open_store(url: str | Path) -> tuple[Any, str]:
    """Return the file system that an fsspec URL or a path names, and the path in it.

    Raises
    ------
    InputError
        When there is no such kind of store, or its package is not installed.
    MissingExtraError
        When the package for S3 is not installed.
    """
    options = _FRESH if str(url).startswith(_LISTED) else {}
    try:
        filesystem, path = fsspec.url_to_fs(url, **options)
    except ImportError as error:
        if str(url).startswith(_S3):
            raise MissingExtraError("an s3:// address", "s3") from None
        raise InputError(f"cannot open {url}: {error}") from None
    except ValueError as error:
        raise InputError(f"cannot open {url}: {error}") from None
    return (filesystem if isinstance(filesystem, LocalFileSystem) else RemoteStore(filesystem, url)), path


def _with_storage_errors(method: Any, url: str | Path) -> Any:
    @functools.wraps(method)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return method(*arguments, **options)
        except OSError:
            raise
        except Exception as error:
            raise StorageError(f"cannot reach {url} ({error})") from error

    return call
