"""What a store holds, as capq lists it: a page at a time, in the order of names, and never from memory."""

import itertools
from typing import Any

import pytest

from captcha_core.errors import StorageError
from captcha_core.inputs import find_source
from captcha_core.storage import Folder, as_path

from .object_store import BUCKET, ObjectStore

pytestmark = pytest.mark.stores


def _put(bucket: Any, *names: str) -> None:
    for name in names:
        bucket.pipe_file(f"{BUCKET}/{name}", b"x")


def test_a_listing_streams(store: ObjectStore, bucket: Any) -> None:
    """Of 1,100 images, the first ones are there after one page of a thousand."""
    names = [f"many/{number:04d}.png" for number in range(1100)]
    bucket.pipe({f"{BUCKET}/{name}": b"x" for name in names})
    before = store.requests
    entries = find_source(f"s3://{BUCKET}/many").open().entries()
    first = [entry.path for entry in itertools.islice(entries, 3)]
    assert first == ["0000.png", "0001.png", "0002.png"]
    few = store.requests - before
    rest = [entry.path for entry in entries]
    assert [*first, *rest] == [name.removeprefix("many/") for name in names]
    assert few < store.requests - before <= 6


def test_files_come_in_order_and_before_folders(bucket: Any) -> None:
    _put(
        bucket, "f/b/2.png", "f/b/1.png", "f/b.png", "f/a.png", "f/ä.png", "f/b/c/3.png", "f/Z.png", "f/x.txt"
    )
    entries = find_source(f"s3://{BUCKET}/f", recursive=True).open().entries()
    assert [entry.path for entry in entries] == [
        "Z.png", "a.png", "b.png", "ä.png", "b/1.png", "b/2.png", "b/c/3.png",
    ]  # fmt: skip


def test_what_another_machine_writes_is_seen(bucket: Any) -> None:
    """fsspec keeps what it has listed: a worker would not see the marks of shards that others wrote."""
    import boto3

    _put(bucket, "set/a")
    folder = Folder(f"s3://{BUCKET}/set")
    assert folder.names() == ["a"]
    assert not folder.exists("b")
    boto3.client("s3").put_object(Bucket=BUCKET, Key="set/b", Body=b"xy")
    assert folder.exists("b")
    assert folder.size("b") == 2
    assert folder.names() == ["a", "b"]
    assert Folder(f"s3://{BUCKET}/set").names() == ["a", "b"]


def test_folders_and_files_are_told_apart(bucket: Any) -> None:
    _put(bucket, "p/q", "pq")
    bucket.pipe_file(f"{BUCKET}/marked/", b"")  # as consoles make an empty folder
    assert Folder(f"s3://{BUCKET}/p").is_folder()
    assert not Folder(f"s3://{BUCKET}/p").is_file()
    assert not Folder(f"s3://{BUCKET}/p/q").is_folder()
    assert as_path(f"s3://{BUCKET}/p/q").is_file()
    assert not Folder(f"s3://{BUCKET}/none").exists()
    assert not Folder("s3://no-such-bucket/x").exists()
    assert Folder(f"s3://{BUCKET}").is_folder()
    assert list(Folder(f"s3://{BUCKET}/marked").children()) == []
    with pytest.raises(FileNotFoundError):
        list(Folder(f"s3://{BUCKET}/none").children())


def test_an_empty_image_is_an_error_of_its_own(bucket: Any) -> None:
    _put(bucket, "e/full.png")
    bucket.pipe_file(f"{BUCKET}/e/empty.png", b"")
    inputs = find_source(f"s3://{BUCKET}/e").open()
    assert list(inputs.items(list(inputs.entries()))) == [b"", b"x"]


def test_a_store_that_refuses_is_not_taken_for_an_empty_one(store: ObjectStore, bucket: Any) -> None:
    """Else a minute without a network would make a checkpoint count as gone, and images as unreadable."""
    _put(bucket, "r/a.png")
    inputs = find_source(f"s3://{BUCKET}/r").open()
    entries = list(inputs.entries())
    with store.refusing(500):
        with pytest.raises(StorageError):
            as_path(f"s3://{BUCKET}/r/a.png").is_file()
        with pytest.raises(OSError, match=r"."):
            Folder(f"s3://{BUCKET}/r").exists("a.png")
        with pytest.raises(StorageError):
            list(inputs.items(entries))
    assert list(inputs.items(entries)) == [b"x"]
