"""The labels of several files put together: one label an image."""

from collections.abc import Sequence

from ..errors import LabelError, LabelFileError, counted
from .labels import LeftOut, Pair
from .listing import parent
from .matching import ImageNames, Match
from .rows import LabelFile
from .splits import Part, part_of_file

_MOST_MISSING = 0.5
_MOST_CONTRADICTED = 0.1
_NO_IMAGE = "a label without an image"
_TWO_LABELS = "two different labels"


def merged(
    label_files: Sequence[LabelFile], names: ImageNames, left_out: LeftOut
) -> tuple[list[Pair], dict[str, Part]]:
    """Return the pairs of label files, in their order, and the parts of a set that the files name.

    Raises
    ------
    LabelFileError
        When most of a file's labels are of images that are not there.
    LabelError
        When many images have two different labels.
    """
    texts: dict[str, str] = {}
    parts: dict[str, Part] = {}
    contradicted: dict[str, str] = {}
    for label_file in label_files:
        part = part_of_file(label_file.name)
        for path, text, line in _matched(label_file, names.below(parent(label_file.name)), left_out):
            if texts.setdefault(path, text) != text:
                contradicted.setdefault(path, f"{texts[path]!r} and {text!r} ({line})")
            if part:
                parts[path] = part
    if len(contradicted) > _MOST_CONTRADICTED * len(texts):
        path, shown = next(iter(contradicted.items()))
        raise LabelError(
            f"{counted(len(contradicted), 'image')} of {len(texts):,} have two different labels, "
            f"as {path}: {shown}"
        )
    left_out.update(_TWO_LABELS, contradicted)
    return [pair for pair in texts.items() if pair[0] not in contradicted], parts


def _matched(label_file: LabelFile, match: Match, left_out: LeftOut) -> list[tuple[str, str, str]]:
    found, missing = [], []
    for row in label_file.rows():
        path = match(row.image)
        if path is None:
            missing.append(row)
        else:
            found.append((path, row.text, f"{label_file.name}, {row.number}"))
    if len(missing) > _MOST_MISSING * (len(found) + len(missing)):
        raise LabelFileError(
            f"{label_file.name}: there is no image {missing[0].image!r}, "
            f"nor {len(missing) - 1:,} others of {counted(len(found) + len(missing), 'label')}"
        )
    left_out.update(_NO_IMAGE, (row.image for row in missing))
    return found
