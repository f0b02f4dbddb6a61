"""What the labels of a set tell: characters, lengths, case, and characters that look alike."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

_LOOK_ALIKES = (
    "0OoQD",
    "1lI|!i",
    "2Zz",
    "5Ss",
    "6G",
    "8B",
    "9gq",
    "Cc",
    "Uu",
    "Vv",
    "Ww",
    "Xx",
)


def describe_texts(labels: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the figures of (name, label) pairs as JSON."""
    texts = [text for _, text in labels]
    characters = Counter(character for text in texts for character in text)
    charset = "".join(sorted(characters))
    return {
        "charset": charset,
        "characters": dict(sorted(characters.items(), key=lambda item: (-item[1], item[0]))),
        "lengths": dict(sorted(Counter(map(len, texts)).items())),
        "case": dict(Counter(filter(None, map(case_of, texts))).most_common()),
        "seen_once": [
            {"character": character, "image": name}
            for name, text in labels
            for character in sorted(set(text))
            if characters[character] == 1
        ],
        "look_alikes": look_alikes(charset),
        "foreign": foreign(charset),
        "zeros_lost": zeros_lost(texts),
    }


def case_of(text: str) -> str:
    """Return the case of a text's letters: ``capitals``, ``small``, ``both``; empty without letters."""
    capitals, small = any(map(str.isupper, text)), any(map(str.islower, text))
    return "both" if capitals and small else "capitals" if capitals else "small" if small else ""


def look_alikes(charset: str) -> list[str]:
    """Return the groups of characters that are often mistaken for one another and both come up."""
    groups = ("".join(character for character in group if character in charset) for group in _LOOK_ALIKES)
    return [group for group in groups if len(group) > 1]


def foreign(charset: str) -> list[str]:
    """Return letters and digits that look like Latin ones and are not: ``А CYRILLIC CAPITAL LETTER A``."""
    if not any(character.isascii() and character.isalnum() for character in charset):
        return []
    return [
        f"{character} {unicodedata.name(character, '')}".strip()
        for character in charset
        if not character.isascii() and _resembles(character)
    ]


def zeros_lost(texts: Sequence[str]) -> bool:
    """Tell whether labels of digits seem to have lost zeros at their front, as in a spreadsheet."""
    if not texts or not all(text.isdecimal() for text in texts):
        return False
    lengths = Counter(map(len, texts))
    usual, count = lengths.most_common(1)[0]
    shorter = sum(number for length, number in lengths.items() if length < usual)
    starts = sum(text.startswith("0") for text in texts)
    return not starts and count > 0.8 * len(texts) and shorter > 0 and max(lengths) == usual


def _resembles(character: str) -> bool:
    name = unicodedata.name(character, "")
    return name.startswith(("CYRILLIC", "GREEK", "FULLWIDTH"))
