from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from captcha_core.errors import InputError, StorageError
from captcha_core.storage import Folder, whole_file


class ClientError(Exception):
    """As a store's client has them: of no class that capq knows."""


class Unreachable(MemoryFileSystem):
    """A store whose client reaches nobody."""

    protocol = "unreachable"
    cachable = False

    def _fail(self, *_: Any, **__: Any) -> Any:
        raise ClientError("no such host")

    info = exists = isdir = ls = cat_file = pipe_file = put_file = makedirs = rm_file = size = _fail


fsspec.register_implementation("unreachable", Unreachable, clobber=True)


@pytest.mark.parametrize(
    "use",
    [
        lambda folder: folder.exists("a"),
        lambda folder: folder.is_folder(),
        lambda folder: folder.create(),
        lambda folder: folder.read("a"),
        lambda folder: folder.write("a", b""),
        lambda folder: folder.write_in_place("a", b""),
        lambda folder: folder.names(),
        lambda folder: list(folder.children()),
        lambda folder: folder.size("a"),
        lambda folder: folder.remove(),
        lambda folder: folder.remove_file("a"),
    ],
)
def test_what_a_stores_client_raises_is_a_storage_error(use: Any) -> None:
    with pytest.raises(StorageError, match=r"unreachable://bucket/data.*no such host"):
        use(Folder("unreachable://bucket/data"))


def test_an_upload_that_fails_is_a_storage_error() -> None:
    with pytest.raises(StorageError, match="no such host"), whole_file("unreachable://bucket/a") as file:
        file.write(b"x")


def test_errors_of_files_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Folder(f"memory://{tmp_path.name}").read("nothing")


def test_a_store_of_no_known_kind_is_refused() -> None:
    with pytest.raises(InputError, match="nosuchstore"):
        Folder("nosuchstore://bucket/data")
