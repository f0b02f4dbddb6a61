"""Tells texts that number or name files from texts that may be labels."""

import itertools
import re
from collections.abc import Sequence

_DENSE = 4  # numbers of files lie within so many times their count
_FEW, _MANY = 5, 20  # texts that show something
_COMMON = 3  # characters that are the same in all texts
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
    numbered = [group for group in larger if is_numbering(group)]
    if numbered and (len(numbered) == len(larger) or max(map(len, numbered)) >= _FEW):
        return f"{_shown(max(numbered, key=len))} number the files"
    if all(len(text) >= _LONG_NAME or (text.isdecimal() and len(text) >= _LONG_NUMBER) for text in texts):
        return f"{_shown(texts)} are too long for labels"
    if same := _common_ends(texts):
        return f"all begin or end with {same!r}"
    return ""


def is_numbering(texts: Sequence[str]) -> bool:
    """Tell whether texts are numbers that follow one another, perhaps after the same letters."""
    prefix = _common_letters(texts)
    digits = [text[len(prefix) :] for text in texts]
    if not all(text.isdecimal() for text in digits) or (prefix and len(texts) < 3):
        return False
    numbers = set(map(int, digits))
    if len(numbers) < len(texts):
        return False
    is_dense = max(numbers) - min(numbers) < _DENSE * len(numbers)
    return is_dense or len(prefix) > 1 or _are_plain_numbers(digits)


def are_identifiers(texts: Sequence[str]) -> bool:
    """Tell whether texts are digests or parts of them: long, hexadecimal, and never the same."""
    return len(set(texts)) == len(texts) and all(_HEX.fullmatch(text) for text in texts)


def _are_plain_numbers(digits: Sequence[str]) -> bool:
    """Tell whether many digits are of different lengths, and none begins with 0: they were counted."""
    lengths = set(map(len, digits))
    return len(digits) >= _MANY and len(lengths) > 1 and not any(text.startswith("0") for text in digits)


def _common_ends(texts: Sequence[str]) -> str:
    """Return three or more characters with which all of several different texts begin, or all end."""
    if len(set(texts)) < _FEW:
        return ""
    beginning = _common_beginning(texts)
    end = _common_beginning([text[::-1] for text in texts])[::-1]
    return next((same for same in (beginning, end) if len(same) >= _COMMON), "")


def _common_beginning(texts: Sequence[str]) -> str:
    pairs = zip(min(texts), max(texts), strict=False)
    return "".join(first for first, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _common_letters(texts: Sequence[str]) -> str:
    return "".join(itertools.takewhile(lambda letter: not letter.isdecimal(), _common_beginning(texts)))


def _shown(texts: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(sorted(texts, key=lambda text: (len(text), text))[:3]))
