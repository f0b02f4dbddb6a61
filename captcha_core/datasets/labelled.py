"""Users' own labelled images: labels in file names, in ``labels.txt`` or in a CSV."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..errors import InputError, LabelError, counted
from ..images.files import EXTENSIONS, MAX_BYTES
from ..inputs.labels import numeric_order, table_labels
from ..storage import Folder
from .sample import Sample

TABLE_NAMES = ("metadata.csv", "labels.csv")
LINES_NAME = "labels.txt"


@dataclass(frozen=True)
class LabelledFolder:
    """A folder of images and their labels.

    Attributes
    ----------
    folder
        The folder of the images.
    labels
        (file name, label) pairs, in reading order.
    """

    folder: Folder
    labels: tuple[tuple[str, str], ...]

    @classmethod
    def open(cls, url: str) -> "LabelledFolder":
        """Read the labels from ``metadata.csv`` or ``labels.csv``, else ``labels.txt``, else the file names.

        A CSV has file name and label in the columns ``file_name`` and ``text``, or in its first
        two columns. ``labels.txt`` has one label a line, in the numeric order of the file names.
        A file name's label is its stem up to the first ``_``: ``X7PQ_001.png``.

        Raises
        ------
        InputError
            When there is no such folder or it holds no images.
        LabelError
            When labels and images do not match.
        """
        folder = Folder(url)
        if not folder.is_folder():
            raise InputError(f"no such folder: {url}")
        names = folder.names()
        images = sorted(
            (name for name in names if PurePosixPath(name).suffix.lower() in EXTENSIONS), key=numeric_order
        )
        if not images:
            raise InputError(f"{url} holds no images ({', '.join(sorted(EXTENSIONS))})")
        for table in TABLE_NAMES:
            if table in names:
                return cls(folder, _labels_from_table(folder, table, set(images)))
        if LINES_NAME in names:
            return cls(folder, _labels_from_lines(folder, images))
        return cls(folder, tuple((name, PurePosixPath(name).stem.partition("_")[0]) for name in images))

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[Sample]:
        return self.samples(0, len(self))

    def samples(self, start: int, count: int) -> Iterator[Sample]:
        """Yield `count` samples from the one at index `start`, in order."""
        for name, text in self.labels[start : start + count]:
            path = PurePosixPath(name)
            yield Sample(
                key=path.stem,
                image=self.folder.read(name, most=MAX_BYTES + 1),  # decoding refuses what is longer
                extension=path.suffix.removeprefix(".").lower(),
                text=text,
            )


def _labels_from_table(folder: Folder, table: str, images: set[str]) -> tuple[tuple[str, str], ...]:
    labels = []
    for number, name, text in table_labels(folder.read_lines(table), table):
        if name not in images:
            raise LabelError(f"{table}, line {number}: there is no image {name!r} in {folder.url}")
        labels.append((name, text))
    return tuple(labels)


def _labels_from_lines(folder: Folder, images: list[str]) -> tuple[tuple[str, str], ...]:
    texts = [line for line in folder.read_lines(LINES_NAME) if line]
    if len(texts) != len(images):
        raise LabelError(
            f"{LINES_NAME} has {counted(len(texts), 'label')} "
            f"for {counted(len(images), 'image')} in {folder.url}"
        )
    return tuple(zip(images, texts, strict=True))
