"""Ground-truth labels of images: in their names, beside them, or in a file of any format that is known."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from ..errors import LabelError
from ..labels.encodings import encoding_note, encoding_of
from ..labels.files import SUFFIXES, not_understood, read_file
from ..labels.lines import read_lines
from ..labels.matching import looks_like_an_image, normalised
from ..labels.rows import LabelFile
from ..storage import parent_and_name
from .dictionary import DiskDictionary
from .entry import Entry

NAMES = "names"
"""The label is a file name's stem up to the first ``_``, as in ``X7PQ_001.png``."""

BESIDE = "txt"
"""The label is the ``.txt`` that shares the image's stem, as in WebDataset shards."""

Label = Callable[[Entry], str | None]
"""Returns an image's ground-truth label; None if unknown."""


def check_labels(where: str) -> None:
    """Make sure that labels can be looked up, before any work is done.

    Raises
    ------
    LabelError
        When `where` is neither `NAMES` nor `BESIDE` nor a label file that is there.
    """
    if where in (NAMES, BESIDE):
        return
    folder, name = parent_and_name(where)
    if PurePosixPath(name).suffix.lower() not in SUFFIXES:
        endings = ", ".join(sorted(SUFFIXES))
        raise LabelError(f"labels come from a file ({endings}), {NAMES!r} or {BESIDE!r}, not from {where}")
    if not folder.exists(name):
        raise LabelError(f"no such file with labels: {where}")


def labels_note(where: str) -> str:
    """Say how a label file is read where that may not be what was meant; empty for nothing to say."""
    if where in ("", NAMES, BESIDE) or where.lower().endswith(".xml"):
        return ""
    folder, name = parent_and_name(where)
    return encoding_note(name, encoding_of(folder, name))


def open_labels(where: str, entries: Callable[[], Iterable[Entry]]) -> Label:
    """Return the rule that gives an image's ground-truth label.

    Parameters
    ----------
    where
        `NAMES`, `BESIDE`, or a label file in a format of `captcha_core.labels`, whose names are the
        paths of the results (or their last parts, if each is one image's alone); a ``.txt`` may
        have one label a line in the numeric order of the images' names (``2.png`` before ``10.png``).
    entries
        Lists the images, for a ``.txt``.

    Raises
    ------
    LabelError
        When the file is not understood, has rows that are too short, or is a list of another length
        than the images.
    """
    if where == NAMES:
        return in_name
    if where == BESIDE:
        return lambda entry: entry.label
    folder, name = parent_and_name(where)
    label_file = read_file(folder, name, looks_like_an_image)
    if label_file is None:
        if not name.lower().endswith(".txt"):
            raise not_understood(name)
        label_file = read_lines(folder, name, [entry.path for entry in entries()])
    return _Table(label_file)


class _Table:
    """Labels of a file, on disk."""

    def __init__(self, label_file: LabelFile) -> None:
        self._label_file = label_file
        self._by_path = DiskDictionary(self._items())
        self._by_last_part: DiskDictionary | None = None

    def __call__(self, entry: Entry) -> str | None:
        label = self._by_path.get(entry.path)
        if label is not None:
            return label
        if self._by_last_part is None:
            self._by_last_part = DiskDictionary.of_unique(
                (path.rpartition("/")[2], text) for path, text in self._items()
            )
        return self._by_last_part.get(entry.path.rpartition("/")[2])

    def _items(self) -> Iterator[tuple[str, str]]:
        return ((normalised(row.image), row.text) for row in self._label_file.rows() if row.text)


def in_name(entry: Entry) -> str:
    """Return the label in an image's name."""
    stem = entry.path.rpartition("/")[2].rpartition(".")[0]
    return stem.partition("_")[0]
