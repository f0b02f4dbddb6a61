"""How shards lie in a folder: WebDataset tar files, or plain images with ``labels.txt``."""

import csv
import hashlib
import io
import itertools
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Protocol

import pydantic

from ..errors import DatasetError
from ..images import EXTENSIONS, MAX_BYTES
from ..storage import Folder
from .sample import Sample

STATISTICS = ".capq"


class ShardRecord(pydantic.BaseModel):
    """A finished shard: the statistics file beside it, and its line in ``dataset.json``."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    index: int
    name: str
    images: int
    bytes: int
    sha256: str


class Layout(Protocol):
    """Where a shard's samples go and how they are found again."""

    def write(self, folder: Folder, index: int, samples: Iterable[Sample]) -> ShardRecord:
        """Write one shard's files and return its record; the same samples give the same bytes."""

    def read(self, folder: Folder, record: ShardRecord) -> Iterator[Sample]:
        """Yield a shard's samples in order; DatasetError when its files are damaged or gone."""

    def sha256(self, folder: Folder, record: ShardRecord) -> str:
        """Return the digest of the shard's files as they are now."""

    def finish(self, folder: Folder, records: Sequence[ShardRecord]) -> None:
        """Write what only a whole dataset can have."""


class WebDataset:
    """``shard-000000.tar`` holding ``000000000.jpg`` and ``000000000.txt``, and so on.

    Source: the WebDataset convention; `webdataset` and Hugging Face `datasets` read it unchanged.
    """

    def write(self, folder: Folder, index: int, samples: Iterable[Sample]) -> ShardRecord:
        buffer = io.BytesIO()
        count = 0
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for sample in samples:
                _add(tar, f"{sample.key}.{sample.extension}", sample.image)
                _add(tar, f"{sample.key}.txt", sample.text.encode())
                count += 1
        data = buffer.getvalue()
        name = f"shard-{index:06d}.tar"
        folder.write(name, data)
        return ShardRecord(
            index=index, name=name, images=count, bytes=len(data), sha256=hashlib.sha256(data).hexdigest()
        )

    def read(self, folder: Folder, record: ShardRecord) -> Iterator[Sample]:
        return read_tar(_read(folder, record.name), record.name)

    def sha256(self, folder: Folder, record: ShardRecord) -> str:
        return hashlib.sha256(_read(folder, record.name)).hexdigest()

    def finish(self, folder: Folder, records: Sequence[ShardRecord]) -> None:
        """A tar dataset is whole with its last shard."""


class PlainFolder:
    """``000000000.png`` …, ``labels.txt`` in numeric order, and ``metadata.csv``.

    Source: the layout of the origin's data set; ``metadata.csv`` is Hugging Face imagefolder's.
    """

    def write(self, folder: Folder, index: int, samples: Iterable[Sample]) -> ShardRecord:
        lines, size = [], 0
        digest = hashlib.sha256()
        for sample in samples:
            name = f"{sample.key}.{sample.extension}"
            # The statistics file is the done marker, so an image needs no temporary name.
            folder.write(name, sample.image, aside=False)
            digest.update(_digest_line(name, sample.image, sample.text))
            lines.append(f"{name}\t{sample.text}\n")
            size += len(sample.image)
        name = f"shard-{index:06d}.tsv"
        (folder / STATISTICS).write(name, "".join(lines).encode())
        return ShardRecord(index=index, name=name, images=len(lines), bytes=size, sha256=digest.hexdigest())

    def read(self, folder: Folder, record: ShardRecord) -> Iterator[Sample]:
        for name, text in self._lines(folder, record):
            path = PurePosixPath(name)
            yield Sample(
                key=path.stem, image=_read(folder, name), extension=path.suffix.removeprefix("."), text=text
            )

    def sha256(self, folder: Folder, record: ShardRecord) -> str:
        digest = hashlib.sha256()
        for name, text in self._lines(folder, record):
            digest.update(_digest_line(name, _read(folder, name), text))
        return digest.hexdigest()

    def finish(self, folder: Folder, records: Sequence[ShardRecord]) -> None:
        labels = io.StringIO()
        metadata = io.StringIO()
        table = csv.writer(metadata, lineterminator="\n")
        table.writerow(["file_name", "text"])
        for record in records:
            for name, text in self._lines(folder, record):
                labels.write(f"{text}\n")
                table.writerow([name, text])
        folder.write("labels.txt", labels.getvalue().encode())
        folder.write("metadata.csv", metadata.getvalue().encode())

    def _lines(self, folder: Folder, record: ShardRecord) -> Iterator[tuple[str, str]]:
        content = _read(folder / STATISTICS, record.name).decode()
        for line in content.splitlines():
            name, _, text = line.partition("\t")
            yield name, text


LAYOUTS: dict[str, Layout] = {"webdataset": WebDataset(), "folder": PlainFolder()}


def read_tar(data: bytes, name: str) -> Iterator[Sample]:
    """Yield the samples of a WebDataset tar file: neighbours that share a stem, an image and a ``.txt``.

    Raises
    ------
    DatasetError
        When the file is no tar, is cut short, or a sample lacks its image or its text.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            files = (member for member in tar if member.isfile())
            for key, members in itertools.groupby(files, key=_stem):
                yield _sample(name, key, {_extension(m): _content(tar, m) for m in members})
    except (tarfile.TarError, UnicodeDecodeError) as error:
        raise DatasetError(f"{name} is damaged ({error}): delete it and generate it again") from None


def _stem(member: tarfile.TarInfo) -> str:
    folder, _, base = member.name.rpartition("/")
    return f"{folder}/{base.partition('.')[0]}".lstrip("/")


def _extension(member: tarfile.TarInfo) -> str:
    return member.name.rpartition("/")[2].partition(".")[2].lower()


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > MAX_BYTES:
        raise DatasetError(f"{member.name} is over {MAX_BYTES:,} bytes")
    file = tar.extractfile(member)
    return file.read() if file else b""


def _sample(name: str, key: str, parts: dict[str, bytes]) -> Sample:
    text = parts.pop("txt", None)
    images = [extension for extension in parts if f".{extension}" in EXTENSIONS]
    if text is None or len(images) != 1:
        raise DatasetError(f"{name}: sample {key} needs one image and one .txt with its label")
    extension = images[0]
    return Sample(key=key, image=parts[extension], extension=extension, text=text.decode().strip())


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    # Times, owners and modes are TarInfo's fixed defaults, so equal samples give equal bytes.
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _digest_line(name: str, image: bytes, text: str) -> bytes:
    return f"{name}\t{text}\t{hashlib.sha256(image).hexdigest()}\n".encode()


def _read(folder: Folder, name: str) -> bytes:
    try:
        return folder.read(name)
    except FileNotFoundError:
        raise DatasetError(f"{folder.url} lacks {name}: run the same `capq generate` again") from None
