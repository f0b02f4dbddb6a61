"""Named and literal character sets."""

import re
import string

from ..errors import SpecError

NAMED: dict[str, str] = {
    "digits": string.digits,
    "upper": string.ascii_uppercase,
    "lower": string.ascii_lowercase,
    "alnum-upper": string.digits + string.ascii_uppercase,
    "alnum-lower": string.digits + string.ascii_lowercase,
    "alnum": string.digits + string.ascii_uppercase + string.ascii_lowercase,
}
MAX_SIZE = 1024
_RANGE = re.compile("(?=(.)-(.)).-.")


def parse_given(text: str) -> str:
    """Return the characters of a set that somebody has written: as `parse`, but a range is refused.

    ``a-z`` would be three characters, which nobody means who writes it. Sets that are stored are as
    they are.

    Raises
    ------
    SpecError
        As `parse`, and when the set looks like a range.
    """
    ranges = [match[0] for match in _RANGE.finditer(text) if _is_range(match[1], match[2])]
    if ranges and text not in NAMED:
        raise SpecError(
            f"charset {text!r}: the range {ranges[0]} is not understood; use one of {', '.join(NAMED)}, or "
            "list the characters, with a - of its own at the end"
        )
    return parse(text)


def _is_range(first: str, last: str) -> bool:
    alike = (first.isdigit() and last.isdigit()) or (
        first.isalpha() and last.isalpha() and first.isupper() == last.isupper()
    )
    return alike and first < last


def name(characters: str) -> str:
    """Return the name of a set, or the characters themselves where it has none; `parse` understands both."""
    return next((name for name, named in NAMED.items() if named == characters), characters)


def parse(text: str) -> str:
    """Return the characters of a named set, or check `text` as a literal one.

    A name takes precedence over its own letters: ``"upper"`` is A-Z, not u, p, e and r.

    Raises
    ------
    SpecError
        When a character repeats, is white space or cannot be printed, or the set is
        empty or larger than `MAX_SIZE`.
    """
    if text in NAMED:
        return NAMED[text]
    if "-" in text.strip("-") and len(text) > 3 and text.replace("-", "").isalpha() and text.islower():
        raise SpecError(f"unknown charset {text!r}: use one of {', '.join(NAMED)}, or list its characters")
    if not 1 <= len(text) <= MAX_SIZE:
        raise SpecError(f"a charset has 1 to {MAX_SIZE} characters, not {len(text)}")
    unusable = [c for c in text if c.isspace() or not c.isprintable()]
    if unusable:
        raise SpecError(
            f"a charset cannot hold {unusable[0]!r}: leave out white space and control characters"
        )
    repeated = sorted({c for c in text if text.count(c) > 1})
    if repeated:
        raise SpecError(
            f"unknown charset {text!r}: it is none of {', '.join(NAMED)}, "
            f"and as a list of characters it repeats {''.join(repeated)!r}"
        )
    return text
