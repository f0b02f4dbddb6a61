"""Labels in the names of the images, or of the folders that they lie in."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import LabelError, UnclearLabelsError
from .labels import Pair
from .listing import parent, stem
from .numbering import are_identifiers, is_numbering, why_no_labels

_SEPARATORS = ("_", "-", ".", " ")
_NO_LABELS = frozenset(
    {
        "train",
        "training",
        "test",
        "testing",
        "val",
        "valid",
        "validation",
        "dev",
        "eval",
        "images",
        "image",
        "imgs",
        "img",
        "data",
        "dataset",
        "raw",
        "labelled",
        "labeled",
        "captcha",
        "captchas",
    }
)
_SINGLE_DIGITS = set("0123456789")


@dataclass(frozen=True)
class NameRule:
    """A rule for names, and the pairs that it gives."""

    rule: str
    pairs: list[Pair]
    unmatched: tuple[str, ...] = ()


def by_pattern(images: Sequence[str], pattern: re.Pattern[str]) -> NameRule:
    """Find labels by a regular expression, in the file's name or, with a ``/`` in it, in the path.

    Raises
    ------
    LabelError
        When it matches no image.
    """
    group = "label" if "label" in pattern.groupindex else 1
    whole = "/" in pattern.pattern
    pairs, unmatched = [], []
    for path in images:
        match = pattern.search(path if whole else path.rpartition("/")[2])
        if match and match[group]:
            pairs.append((path, match[group].strip()))
        else:
            unmatched.append(path)
    if images and not pairs:
        raise LabelError(f"the pattern {pattern.pattern!r} finds no label, as in {images[0]}")
    return NameRule(f"the pattern {pattern.pattern!r}", pairs, tuple(unmatched))


def by_names(images: Sequence[str]) -> NameRule:
    """Find labels in the names of the files, else of their folders.

    The label is a name's stem up to the first ``_``. Another part is taken only where that one
    numbers the files and the other one does not.

    Raises
    ------
    UnclearLabelsError
        When neither gives labels, or more than one of them may.
    """
    folder_names, fault = _folder_names(images), _fault_of_folders(images)
    try:
        rule = _by_file_names(images)
    except UnclearLabelsError:
        if fault:
            raise
        return NameRule("the name of each image's folder", list(zip(images, folder_names, strict=True)))
    if not fault:
        raise UnclearLabelsError(
            f"{images[0]} may have the label {rule.pairs[0][1]!r} or {folder_names[0]!r}, its folder's name"
        )
    return rule


def _by_file_names(images: Sequence[str]) -> NameRule:
    stems = [stem(path) for path in images]
    separator = next((mark for mark in _SEPARATORS if all(mark in name[1:-1] for name in stems)), "_")
    firsts = [name.partition(separator)[0] for name in stems]
    lasts = [name.rpartition(separator)[2] for name in stems]
    divided = all(separator in name for name in stems)
    fault = _fault(images, firsts)
    other_fault = _fault_of_last(images, lasts) if divided else "it is the only part"
    first_rule = NameRule(f"the file names, up to the first {separator!r}" if divided else "the file names",
                          list(zip(images, firsts, strict=True)))  # fmt: skip
    if fault and not other_fault and not _are_ambiguous_numbers(images, firsts, lasts):
        return NameRule(
            f"the file names, after the last {separator!r}", list(zip(images, lasts, strict=True))
        )
    if fault:
        raise UnclearLabelsError(
            f"the names of the images do not say their labels, as in {images[0]}: {fault}"
        )
    if not other_fault and not _stand_before_numbers(firsts, lasts):
        raise UnclearLabelsError(f"{images[0]} may have the label {firsts[0]!r} or {lasts[0]!r}")
    return first_rule


def _fault(images: Sequence[str], texts: Sequence[str]) -> str:
    if not all(texts):
        return "some names would have no label"
    return why_no_labels(_grouped(images, texts))


def _fault_of_last(images: Sequence[str], texts: Sequence[str]) -> str:
    fault = _fault(images, texts)
    if not fault and len(texts) > 1:
        if are_identifiers(texts):
            return "identifiers"
        if len(set(texts)) == 1:
            return "the same text everywhere"
    return fault


def _are_ambiguous_numbers(images: Sequence[str], firsts: Sequence[str], lasts: Sequence[str]) -> bool:
    """Tell whether the last parts are digits, and the first parts do not show that they number the files."""
    numbered = all(is_numbering(group) for group in _grouped(images, firsts) if len(group) > 1)
    return all(text.isdecimal() for text in lasts) and not numbered


def _stand_before_numbers(firsts: Sequence[str], lasts: Sequence[str]) -> bool:
    """Tell whether labels with letters stand before numbers, as in ``X7PQ_83920``."""
    return all(text.isdecimal() for text in lasts) and not all(text.isdecimal() for text in firsts)


def _grouped(images: Sequence[str], texts: Sequence[str]) -> list[list[str]]:
    """Return the texts folder by folder; those of folders with one image stand together."""
    pairs = zip(map(parent, images), texts, strict=True)
    groups = [[text for _, text in group] for _, group in itertools.groupby(pairs, key=lambda pair: pair[0])]
    single = [text for group in groups if len(group) == 1 for text in group]
    return [group for group in groups if len(group) > 1] + ([single] if single else [])


def _folder_names(images: Sequence[str]) -> list[str]:
    return [parent(path).rstrip("/").rpartition("/")[2] for path in images]


def _fault_of_folders(images: Sequence[str]) -> str:
    """Return why the names of the folders are no labels; empty where they may be."""
    names = set(_folder_names(images))
    if "" in names or len(names) < 2:
        return "there are no folders"
    if any(name.casefold() in _NO_LABELS for name in names):
        return "they name parts of a set"
    if all(len(name) == 1 for name in names) and (
        names > _SINGLE_DIGITS or names == _SINGLE_DIGITS or not names <= _SINGLE_DIGITS
    ):
        return ""
    return why_no_labels([sorted(names)])
