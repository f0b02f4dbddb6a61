"""Chooses the rule by which a folder's labels are read, and says which one it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..errors import InputError, UnclearLabelsError, counted
from ..images.files import EXTENSIONS
from ..storage import Folder
from .files import label_files, positional_files
from .labels import LabelOptions, Labels, LeftOut, Pair, usable_pairs
from .lines import read_lines
from .listing import Files, list_files, numeric_order, parent, printable
from .matching import ImageNames
from .merging import merged
from .names import by_names, by_pattern
from .rows import LabelFile
from .splits import Part, in_split
from .unusable import NO_LABEL

_MOST_UNUSABLE = 0.1
_NAMED_FILES = 3
_NO_MATCH = "no match of the pattern"
_DEFAULTS = LabelOptions()


@dataclass
class _Choice:
    """A rule's result.

    Attributes
    ----------
    images
        The images that were to be labelled.
    parts
        The parts of a set that label files name, by image.
    """

    rule: str
    pairs: Sequence[Pair]
    images: Sequence[str]
    parts: dict[str, Part] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find_labels(folder: Folder, options: LabelOptions = _DEFAULTS) -> Labels:
    """Find the labels of a folder's images.

    Label files come first: tables, JSON, a text file beside each image, then ``labels.txt`` with
    a label a line. Without any, the names of the files or of their folders give the labels, if
    these can be nothing else.

    Raises
    ------
    InputError
        When there are no images.
    LabelFileError
        When a label file is not understood, or names other images.
    UnclearLabelsError
        When nothing says clearly where the labels are.
    LabelError
        When labels contradict one another, or no network can have them.
    StorageError
        When a file cannot be read.
    """
    files = list_files(folder)
    if not files.images:
        raise InputError(
            f"{folder.url} holds no images ({', '.join(sorted(EXTENSIONS))}){_passed_over(files)}"
        )
    left_out = LeftOut()
    for reason, name in files.left_out:
        left_out.add(reason, name)
    choice = _choose(folder, files, options, left_out)
    labelled = {path for path, _ in choice.pairs}
    known = labelled.union(*left_out.result().values())
    left_out.update(NO_LABEL, (path for path in choice.images if path not in known))
    usable = usable_pairs(choice.pairs, left_out, most=_MOST_UNUSABLE)
    pairs, counts = in_split(usable, choice.parts, options.split)
    notes = [*choice.notes, *_unused(files, choice), *_division(counts, options.split)]
    return Labels(pairs, choice.rule, left_out.result(), tuple(notes))


def _passed_over(files: Files) -> str:
    """Return the first names of a folder without images that were left out, as a clause."""
    names = [f"{printable(name)}: {reason}" for reason, name in files.left_out[:3]]
    return f"; left out: {', '.join(names)}" if names else ""


def _choose(folder: Folder, files: Files, options: LabelOptions, left_out: LeftOut) -> _Choice:
    if options.pattern:
        return _by_pattern(files, options, left_out)
    read = label_files(folder, files)
    positional = positional_files(files.others)
    if read:
        choice = _by_files(read, files, left_out)
        unread = [name for name in positional if name not in {label_file.name for label_file in read}]
        if unread:
            choice.notes.append(f"{', '.join(unread)}: not used, since {read[0].name} has the labels")
        return choice
    if positional:
        lines = [read_lines(folder, name, _images_of(files, parent(name))) for name in positional]
        return _by_files(lines, files, left_out)
    images = sorted(files.nearest, key=numeric_order)
    try:
        named = by_names(images)
    except UnclearLabelsError as error:
        raise UnclearLabelsError(f"{folder.url}: {error}") from None
    return _Choice(named.rule, named.pairs, images)


def _by_pattern(files: Files, options: LabelOptions, left_out: LeftOut) -> _Choice:
    images = sorted(files.images if "/" in options.pattern else files.nearest, key=numeric_order)
    named = by_pattern(images, options.compiled())
    left_out.update(_NO_MATCH, named.unmatched)
    return _Choice(named.rule, named.pairs, images)


def _by_files(read: Sequence[LabelFile], files: Files, left_out: LeftOut) -> _Choice:
    pairs, parts = merged(read, ImageNames(files.images), left_out)
    more = len(read) - _NAMED_FILES
    rules = [label_file.rule for label_file in read[:_NAMED_FILES]]
    rules += [f"{counted(more, 'more file')}"] if more > 0 else []
    # A table may be of the images beside it, and say nothing of folders below.
    nearest = set(files.nearest)
    images = files.nearest if nearest.issuperset(path for path, _ in pairs) else files.images
    notes = [label_file.note for label_file in read if label_file.note]
    return _Choice("; ".join(rules), pairs, images, parts, notes)


def _images_of(files: Files, folder: str) -> list[str]:
    """Return the images in a folder, or if it has none, those below it."""
    below = [path for path in files.images if path.startswith(folder)]
    return [path for path in below if "/" not in path[len(folder) :]] or below


def _unused(files: Files, choice: _Choice) -> Iterable[str]:
    below = len(files.images) - len(choice.images)
    if below:
        yield f"{counted(below, 'image')} in folders below {'is' if below == 1 else 'are'} not used"


def _division(counts: dict[str, int], split: str) -> Iterable[str]:
    if counts:
        shares = ", ".join(f"{count:,} for {part}" for part, count in counts.items())
        yield f"the set is divided: {shares}" + (f"; those for {split} are used" if split else "")
