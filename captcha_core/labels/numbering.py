"""Tells texts that number or name files from texts that may be labels."""

import itertools
import re
from collections.abc import Sequence

_DENSE = 4  # numbers of files lie within so many times their count
_LONG_NUMBER = 10  # digits of a time stamp
_LONG_NAME = 16  # characters of a digest or an identifier
_HEX = re.compile(r"[0-9a-f]{8,}|[0-9A-F]{8,}")


def why_no_labels(groups: Sequence[Sequence[str]]) -> str:
    """Return why texts are no labels, as a clause; empty where they may be.

    Parameters
    ----------
    groups
        The texts of the images of each folder, in any order.
    """
    texts = [text for group in groups for text in group]
    if len(texts) > 2 and len(set(texts)) == 1:
        return f"all images would have the label {texts[0]!r}"
    larger = [group for group in groups if len(group) > 1]
    if larger and all(map(is_numbering, larger)):
        return f"{_shown(larger[0])} number the files"
    if all(len(text) >= _LONG_NAME or (text.isdecimal() and len(text) >= _LONG_NUMBER) for text in texts):
        return f"{_shown(texts)} are too long for labels"
    return ""


def is_numbering(texts: Sequence[str]) -> bool:
    """Tell whether texts are numbers that follow one another, perhaps after the same letters."""
    prefix = _common_letters(texts)
    digits = [text[len(prefix) :] for text in texts]
    if not all(text.isdecimal() for text in digits) or (prefix and len(texts) < 3):
        return False
    numbers = set(map(int, digits))
    return len(numbers) == len(texts) and max(numbers) - min(numbers) < _DENSE * len(numbers)


def are_identifiers(texts: Sequence[str]) -> bool:
    """Tell whether texts are digests or parts of them: long, hexadecimal, and never the same."""
    return len(set(texts)) == len(texts) and all(_HEX.fullmatch(text) for text in texts)


def _common_letters(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(itertools.takewhile(lambda letter: not letter.isdecimal(), (own for own, _ in same)))


def _shown(texts: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(sorted(texts, key=lambda text: (len(text), text))[:3]))
