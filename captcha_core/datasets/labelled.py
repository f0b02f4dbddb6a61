"""Users' own labelled images: a folder or tar files, whose labels `captcha_core.labels` finds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from ..errors import InputError, StorageError
from ..images.files import MAX_BYTES
from ..inputs.archives import Tars
from ..labels import LabelOptions, Labels, find_labels
from ..labels.folding import case_folded
from ..labels.labels import LeftOut, usable_pairs
from ..labels.names import by_names, by_pattern
from ..labels.unusable import NO_LABEL
from ..storage import Folder, parent_and_name
from .sample import Sample

TABLE_NAMES = ("metadata.csv", "labels.csv")
LINES_NAME = "labels.txt"

_DEFAULTS = LabelOptions()
_MOST_UNUSABLE = 0.1
_TAR = ".tar"

Range = tuple[str, int, int]
"""A tar file's name, and the offset and size in bytes of an image in it."""


@dataclass(frozen=True)
class LabelledFolder:
    """A folder of images, or of tar files with images, and their labels.

    Attributes
    ----------
    folder
        The folder of the images or tar files.
    labels
        (path, label) pairs, in reading order.
    labelling
        How the labels were found, and what is left out.
    ranges
        Of images in tar files, where their bytes are, by path.
    """

    folder: Folder
    labels: tuple[tuple[str, str], ...]
    labelling: Labels = field(default_factory=Labels)
    ranges: Mapping[str, Range] = field(default_factory=dict)

    @classmethod
    def open(cls, url: str, options: LabelOptions = _DEFAULTS) -> "LabelledFolder":
        """Find the labels of a folder's images, as `captcha_core.labels.find_labels` does.

        A folder without images whose tar files hold some, or a tar file, is read as it is: an
        image's label is the ``.txt`` of its stem, as in WebDataset shards; if there are none,
        labels are looked for in the images' names.

        Raises
        ------
        InputError
            When there is no such folder or it holds no images.
        LabelError
            When labels and images do not match, or nothing says where the labels are.
        """
        folder = Folder(url)
        if not folder.is_folder():
            return cls._of_file(url, options)
        try:
            labelling = find_labels(folder, options)
        except InputError:
            tars = folder.names(_TAR)
            if not tars:
                raise
            return cls._of_tars(folder, tars, options)
        return cls._labelled(folder, labelling, options)

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
                image=self.read(name),
                extension=path.suffix.removeprefix(".").lower(),
                text=text,
            )

    def read(self, name: str) -> bytes:
        """Return an image's bytes, of a larger file than is decoded only the first.

        Of a file that may not be read there are none: decoding refuses them like a damaged image.

        Raises
        ------
        FileNotFoundError
            When it is gone.
        StorageError
            When it cannot be read now.
        """
        try:
            return self._read(name, MAX_BYTES + 1)
        except (PermissionError, IsADirectoryError):
            return b""
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageError(f"cannot read {self.folder.url}/{name}: {error.strerror or error}") from error

    def describe(self) -> dict[str, Any]:
        """Return JSON: how the labels were found, the first pairs, and what is left out."""
        return self.labelling.describe()

    def _read(self, name: str, most: int) -> bytes:
        if name not in self.ranges:
            return self.folder.read(name, most=most)
        tar, start, size = self.ranges[name]
        with self.folder.open(tar) as file:
            file.seek(start)
            return file.read(min(size, most))

    @classmethod
    def _labelled(
        cls,
        folder: Folder,
        labelling: Labels,
        options: LabelOptions,
        ranges: Mapping[str, Range] = MappingProxyType({}),
    ) -> "LabelledFolder":
        if options.ignore_case:
            labelling = case_folded(labelling)
        return cls(folder, labelling.pairs, labelling, ranges)

    @classmethod
    def _of_file(cls, url: str, options: LabelOptions) -> "LabelledFolder":
        folder, name = parent_and_name(url)
        if not folder.exists(name):
            raise InputError(f"no such folder: {url}")
        if not name.lower().endswith(_TAR):
            raise InputError(f"{url} is a file: labelled images are a folder or a .tar")
        return cls._of_tars(folder, [name], options)

    @classmethod
    def _of_tars(cls, folder: Folder, names: list[str], options: LabelOptions) -> "LabelledFolder":
        entries = list(Tars(folder, names, patterns=(), prefixed=True, labelled=True).entries())
        if not entries:
            raise InputError(f"{folder.url}: {', '.join(names[:3])} holds no images")
        ranges = {
            entry.path: (entry.path.partition("/")[0], *entry.at) for entry in entries if entry.at is not None
        }
        if not ranges:
            raise InputError(f"{folder.url}: {', '.join(names[:3])} holds links alone, and no images")
        left_out = LeftOut()
        left_out.update("a link in the tar file", (entry.path for entry in entries if entry.at is None))
        texts = {entry.path: entry.label for entry in entries if entry.label is not None}
        if texts and not options.pattern:
            rule, pairs = "the .txt of each image's stem in the tar files", list(texts.items())
        else:
            named = (
                by_pattern(list(ranges), options.compiled()) if options.pattern else by_names(list(ranges))
            )
            rule, pairs = named.rule, named.pairs
        labelled = {path for path, _ in pairs}
        left_out.update(NO_LABEL, (path for path in ranges if path not in labelled))
        usable = usable_pairs((pair for pair in pairs if pair[0] in ranges), left_out, most=_MOST_UNUSABLE)
        return cls._labelled(folder, Labels(usable, rule, left_out.result()), options, ranges)
