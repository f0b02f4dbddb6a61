import io
import tarfile

import pytest

from captcha_core.datasets import tar
from captcha_core.errors import DamagedDatasetError, DatasetError

FILES = {f"{number:09d}.{ending}": bytes([number]) * size for number, (ending, size) in enumerate(
    [("jpg", 0), ("txt", 1), ("png", 511), ("jpg", 512), ("txt", 513), ("jpg", 10_240), ("jpg", 70_001)]
)}  # fmt: skip


def _by_tarfile(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize("count", range(len(FILES) + 1))
def test_the_bytes_are_tarfiles(count: int) -> None:
    files = dict(list(FILES.items())[:count]) | ({"ü" * 50: b"x", "a" * 100: b"y"} if count == 7 else {})
    archive = tar.Archive()
    for name, data in files.items():
        archive.add(name, data)
    assert archive.close() == _by_tarfile(files)


def test_a_name_that_does_not_fit_is_refused() -> None:
    with pytest.raises(DatasetError, match="too long"):
        tar.Archive().add("ü" * 51, b"")


@pytest.mark.parametrize(
    "files",
    [
        {"a.jpg": b"1"},
        {"a.txt": b"A"},
        {"a.jpg": b"1", "a.png": b"2", "a.txt": b"A"},
        {"a.jpg": b"1", "a.txt": b"\xff"},
    ],
)
def test_a_sample_that_is_not_whole_is_named(files: dict[str, bytes]) -> None:
    with pytest.raises(DamagedDatasetError, match=r"set\.tar"):
        list(tar.read(_by_tarfile(files), "set.tar"))


def test_samples_of_other_writers_are_read() -> None:
    files = {"x/1.TXT": b"AB\n", "x/1.JPG": b"1", "x/1.json": b"{}", "x/2.png": b"2", "x/2.txt": b"CD"}
    samples = list(tar.read(_by_tarfile(files), "set.tar"))
    assert [(sample.key, sample.extension, sample.text) for sample in samples] == [
        ("x/1", "jpg", "AB"),
        ("x/2", "png", "CD"),
    ]


def test_what_is_no_tar_is_named() -> None:
    with pytest.raises(DamagedDatasetError, match="damaged"):
        list(tar.read(b"hello" * 200, "set.tar"))
