"""How shards are stored in a folder: as WebDataset tar files, or as plain images with ``labels.txt``."""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Protocol

import pydantic

from ..errors import DamagedDatasetError
from ..storage import Folder
from . import tar
from .sample import Sample

STATISTICS_FOLDER = ".capq"


class ShardRecord(pydantic.BaseModel):
    """A finished shard: the content of its statistics file, and its entry in ``dataset.json``.

    Attributes
    ----------
    index, name
        Number of the shard from 0, and name of its file.
    images, bytes
        Number of images, and size of the shard's files.
    sha256
        Digest of the shard's content, in hex.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    index: int
    name: str
    images: int
    bytes: int
    sha256: str


class Layout(Protocol):
    """Writes the samples of a shard to files of a folder, and reads them."""

    def write(self, folder: Folder, index: int, samples: Iterable[Sample]) -> ShardRecord:
        """Write one shard's files and return its record; the same samples give the same bytes."""

    def read(self, folder: Folder, record: ShardRecord) -> Iterator[Sample]:
        """Yield a shard's samples in order; DamagedDatasetError if its files are damaged or missing."""

    def sha256(self, folder: Folder, record: ShardRecord) -> str:
        """Return the digest of the shard's files as they are on disk."""

    def finish(self, folder: Folder, records: Sequence[ShardRecord]) -> None:
        """Write the files that need all shards."""


class WebDataset:
    """``shard-000000.tar`` holding ``000000000.jpg`` and ``000000000.txt``, and so on.

    Source: the WebDataset convention; `webdataset` and Hugging Face `datasets` read it unchanged.
    """

    def write(self, folder: Folder, index: int, samples: Iterable[Sample]) -> ShardRecord:
        archive = tar.Archive()
        count = 0
        for sample in samples:
            archive.add(f"{sample.key}.{sample.extension}", sample.image)
            archive.add(f"{sample.key}.txt", sample.text.encode())
            count += 1
        data = archive.close()
        name = f"shard-{index:06d}.tar"
        folder.write(name, data, durable=False)  # can be made again by the digest in the index
        return ShardRecord(
            index=index, name=name, images=count, bytes=len(data), sha256=hashlib.sha256(data).hexdigest()
        )

    def read(self, folder: Folder, record: ShardRecord) -> Iterator[Sample]:
        return tar.read(_read(folder, record.name), record.name)

    def sha256(self, folder: Folder, record: ShardRecord) -> str:
        return hashlib.sha256(_read(folder, record.name)).hexdigest()

    def finish(self, folder: Folder, records: Sequence[ShardRecord]) -> None:
        """Nothing to write: tar files need no further ones."""


class PlainFolder:
    """``000000000.png`` …, ``labels.txt`` in numeric order, and ``metadata.csv``.

    Source: the layout of the origin's data set; ``metadata.csv`` is Hugging Face imagefolder's.
    """

    def write(self, folder: Folder, index: int, samples: Iterable[Sample]) -> ShardRecord:
        lines, size = [], 0
        digest = hashlib.sha256()
        for sample in samples:
            name = f"{sample.key}.{sample.extension}"
            # The statistics file marks the shard as finished, so images are written without a temporary name.
            folder.write_in_place(name, sample.image)
            digest.update(_digest_line(name, sample.image, sample.text))
            lines.append(f"{name}\t{sample.text}\n")
            size += len(sample.image)
        name = f"shard-{index:06d}.tsv"
        (folder / STATISTICS_FOLDER).write(name, "".join(lines).encode(), durable=False)
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
        content = _read(folder / STATISTICS_FOLDER, record.name).decode()
        for line in content.splitlines():
            name, _, text = line.partition("\t")
            yield name, text


LAYOUTS: dict[str, Layout] = {"webdataset": WebDataset(), "folder": PlainFolder()}


def _digest_line(name: str, image: bytes, text: str) -> bytes:
    return f"{name}\t{text}\t{hashlib.sha256(image).hexdigest()}\n".encode()


def _read(folder: Folder, name: str) -> bytes:
    try:
        return folder.read(name)
    except FileNotFoundError:
        raise DamagedDatasetError(f"{folder.url} lacks {name}") from None
