"""Which files of a folder hold labels, and how each is understood."""

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from ..errors import LabelFileError
from ..storage import Folder
from .beside import read_beside, text_files
from .cvat import read_cvat
from .json_files import read_json, read_json_lines
from .listing import Files, parent, stem
from .matching import ImageNames, Match
from .rows import LabelFile
from .tables import read_table

TABLES = frozenset({".csv", ".tsv"})
JSON_LINES = frozenset({".jsonl", ".ndjson"})
_TRIED = frozenset({".txt", ".json", ".xml"})  # may as well hold something else
SUFFIXES = TABLES | JSON_LINES | _TRIED
"""What names of label files end in."""

_SHEETS = frozenset({".xlsx", ".xls", ".ods", ".parquet"})
_LABEL_WORDS = frozenset(
    {
        "label",
        "labels",
        "metadata",
        "annotation",
        "annotations",
        "gt",
        "transcription",
        "transcriptions",
        "captions",
    }
)
_POSITIONAL_WORDS = frozenset({"label", "labels", "gt"})
_TEXTS_FOR_PEOPLE = frozenset({"readme", "license", "licence", "notice", "changelog"})
_SAMPLE = 200  # rows
_LOOKED_AT = 1 << 16  # bytes
_MENTIONS = 3  # images that a file names, for it to be taken for one with labels


def read_file(folder: Folder, name: str, match: Match) -> LabelFile | None:
    """Understand a label file by its ending; None when it is none of the shapes that are known.

    Raises
    ------
    LabelFileError
        When it is damaged, in an unknown encoding, or its columns are unclear.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in JSON_LINES:
        return read_json_lines(folder, name)
    if suffix == ".json":
        return read_json(folder, name)
    if suffix == ".xml":
        return read_cvat(folder, name)
    return read_table(folder, name, match)


def label_files(folder: Folder, files: Files) -> list[LabelFile]:
    """Understand a folder's label files, those with a label a line left aside.

    Raises
    ------
    LabelFileError
        When one is not understood.
    """
    beside = text_files(files.images, files.others)
    texts = set(beside.values())
    _check_beside(files)
    names = ImageNames(files.images)
    understood = [
        label_file
        for name in files.others
        if name not in texts and (label_file := _tried(folder, name, names.below(parent(name)), files.images))
    ]
    if 2 * len(beside) >= len(files.nearest):
        understood.append(read_beside(folder, beside))
    elif beside and not understood:
        raise LabelFileError(f"only {len(beside):,} of {len(files.nearest):,} images have a .txt beside them")
    return understood


def positional_files(names: Iterable[str]) -> list[str]:
    """Return the files that may have a label a line, in the order of the images."""
    return [name for name in names if name.lower().endswith(".txt") and _words(name) & _POSITIONAL_WORDS]


def _tried(folder: Folder, name: str, match: Match, images: Sequence[str]) -> LabelFile | None:
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _SHEETS and (suffix != ".parquet" or _words(name) & _LABEL_WORDS):
        raise LabelFileError(f"{name} is not read: save it as .csv")
    if suffix in TABLES | JSON_LINES:
        label_file = read_file(folder, name, match)
        if label_file is None:
            raise not_understood(name)
        return label_file
    if suffix in _TRIED and stem(name).casefold() not in _TEXTS_FOR_PEOPLE:
        return _tried_by_content(folder, name, match, images)
    return None


def _tried_by_content(folder: Folder, name: str, match: Match, images: Sequence[str]) -> LabelFile | None:
    """Understand a file that need not hold labels: by its own name it should, or it names images."""
    is_named_so = bool(_words(name) & _LABEL_WORDS)
    try:
        label_file = read_file(folder, name, match)
    except LabelFileError:
        if is_named_so or _mentions_images(folder, name, images):
            raise
        return None
    if label_file and (is_named_so or _names_images(label_file, match)):
        return label_file
    if not positional_files([name]) and (is_named_so or _mentions_images(folder, name, images)):
        raise not_understood(name)
    return None


def not_understood(name: str) -> LabelFileError:
    """Return the error that says what was tried."""
    return LabelFileError(
        f"{name} is not understood: tried were columns of file names and texts, by header and by content "
        "(commas, semicolons, tabs, bars, blanks), JSON records, and exports of Label Studio, CVAT, VIA, "
        "COCO and MMOCR"
    )


def _names_images(label_file: LabelFile, match: Match) -> bool:
    rows = itertools.islice(label_file.rows(), _SAMPLE)
    return any(match(row.image) is not None for row in rows)


def _mentions_images(folder: Folder, name: str, images: Sequence[str]) -> bool:
    text = folder.read(name, most=_LOOKED_AT).decode("utf-8", "replace")
    words = set(re.split(r"[\s\"'<>,;:|()\[\]{}=/\\]+", text))
    mentioned = sum(path.rpartition("/")[2] in words for path in images)
    return mentioned >= min(_MENTIONS, len(images))


def _check_beside(files: Files) -> None:
    """Refuse a JSON or XML file beside each image: programs differ in what they write into it."""
    suffixes = [suffix for suffix in (".json", ".xml") if sum(map(_ends_in(suffix), files.others)) > 1]
    stems = {parent(path) + stem(path) for path in files.images} if suffixes else set()
    for suffix in suffixes:
        beside = [
            name for name in files.others if name.lower().endswith(suffix) and name[: -len(suffix)] in stems
        ]
        if 2 * len(beside) >= len(files.nearest) and len(beside) > 1:
            raise LabelFileError(f"a {suffix} beside each image is not read, as {beside[0]}")


def _ends_in(suffix: str) -> Callable[[str], bool]:
    return lambda name: name.lower().endswith(suffix)


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z]+", stem(name).casefold()))
