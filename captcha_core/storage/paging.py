"""Listing of S3 a page at a time: fsspec alone would hold all names of a folder before the first one."""

from collections.abc import Iterator
from typing import Any

_PROTOCOLS = {"s3", "s3a"}
_UNORDERED = "--x-s3"  # ends the names of buckets that list in no order (S3 Express)

Child = tuple[str, bool]
"""A name directly in a folder, and whether it is a folder."""


def is_paged(filesystem: Any, path: str) -> bool:
    """Tell whether `children` can list a path of a store: in the order of names, as S3 answers."""
    protocol = filesystem.protocol
    protocols = {protocol} if isinstance(protocol, str) else set(protocol)
    bucket = path.strip("/").partition("/")[0]
    return bool(protocols & _PROTOCOLS) and bool(bucket) and not bucket.endswith(_UNORDERED)


def children(filesystem: Any, path: str) -> Iterator[Child]:
    """Yield the files in a folder of S3, in the order of their names, and the folders between them.

    Raises
    ------
    FileNotFoundError
        When there is no such bucket, or nothing below the path.
    """
    bucket, prefix = _split(path)
    empty = True
    for page in _pages(filesystem, bucket, prefix):
        for folder in page.get("CommonPrefixes", ()):
            empty = False
            yield folder["Prefix"].rstrip("/").rpartition("/")[2], True
        for file in page.get("Contents", ()):
            empty = False
            if file["Key"] != prefix:  # else the mark that some programs leave for an empty folder
                yield file["Key"].rpartition("/")[2], False
    if empty and prefix:
        raise FileNotFoundError(path)


def holds_anything(filesystem: Any, path: str) -> bool:
    """Tell whether there is a bucket, or anything below a path in one, by a single request."""
    bucket, prefix = _split(path)
    try:
        answer = filesystem.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1)
    except FileNotFoundError:
        return False
    return bool(answer.get("Contents")) or not prefix


def _split(path: str) -> tuple[str, str]:
    """Return the bucket, and what the keys of a folder's files begin with."""
    bucket, _, key = path.strip("/").partition("/")
    return bucket, f"{key}/" if key else ""


def _pages(filesystem: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    token: dict[str, str] = {}
    while True:
        page: dict[str, Any] = filesystem.call_s3(
            "list_objects_v2", Bucket=bucket, Prefix=prefix, Delimiter="/", **token
        )
        yield page
        if not page.get("IsTruncated"):
            return
        token = {"ContinuationToken": page["NextContinuationToken"]}
