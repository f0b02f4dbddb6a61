"""Which of a network's texts a reading allows: their lengths, their characters, and whether case counts.

It needs no numpy, so that a command can check its options against ``model.json`` alone.
"""

from typing import NamedTuple, Protocol

from ..errors import CheckpointError


class Texts(Protocol):
    """The texts that a network reads, as its problem and its codec have them."""

    @property
    def charset(self) -> str:
        """The characters, in the order of the network's classes."""

    @property
    def lengths(self) -> tuple[int, int]:
        """Least and greatest length of a text, both included."""


class CharacterGroup(NamedTuple):
    """Characters of a network that are read as one.

    Attributes
    ----------
    spelling
        The character that stands for them in the texts.
    codes
        Their indices into the network's charset, ascending.
    """

    spelling: str
    codes: tuple[int, ...]


def allowed_lengths(texts: Texts, lengths: tuple[int, int] | None) -> tuple[int, int]:
    """Return the least and greatest length to decode to: `lengths`, or the network's own for None.

    Raises
    ------
    CheckpointError
        When `lengths` are not within those of the network.
    """
    if lengths is None:
        return texts.lengths
    low, high = lengths
    if not texts.lengths[0] <= low <= high <= texts.lengths[1]:
        raise CheckpointError(
            f"the network reads texts of {_range_text(*texts.lengths)} characters, "
            f"and cannot be held to {_range_text(low, high)}: name a length within that"
        )
    return low, high


def character_groups(texts: Texts, charset: str | None, *, ignore_case: bool) -> list[CharacterGroup]:
    """Return the characters to decode to, in the order of the network's classes.

    Parameters
    ----------
    charset
        The characters to read; None for all that the network reads.
    ignore_case
        Whether upper and lower case of a letter are read as one: both where `charset` has either.
        The one that comes first in `charset` is its spelling; without a `charset`, the one that
        comes first in the network's.

    Raises
    ------
    CheckpointError
        When `charset` is empty or has characters that the network does not read.
    """
    allowed = texts.charset if charset is None else charset
    unknown = missing_characters(allowed, texts.charset, ignore_case=ignore_case)
    if unknown or not allowed:
        raise CheckpointError(f"the network reads {texts.charset}, and not {unknown!r}")
    spelling: dict[str, str] = {}
    for character in allowed:
        spelling.setdefault(_key(character, ignore_case=ignore_case), character)
    codes: dict[str, list[int]] = {}
    for code, character in enumerate(texts.charset):
        key = _key(character, ignore_case=ignore_case)
        if key in spelling:
            codes.setdefault(key, []).append(code)
    return [CharacterGroup(spelling[key], tuple(codes[key])) for key in codes]


def missing_characters(text: str, charset: str, *, ignore_case: bool) -> str:
    """Return the characters of a text that are not in a charset, each once, sorted."""
    present = {_key(character, ignore_case=ignore_case) for character in charset}
    return "".join(sorted({c for c in text if _key(c, ignore_case=ignore_case) not in present}))


def is_right(text: str, label: str, *, ignore_case: bool) -> bool:
    """Return whether a text is the ground-truth label."""
    return text.casefold() == label.casefold() if ignore_case else text == label


def _key(character: str, *, ignore_case: bool) -> str:
    """Return what the characters of a group have in common."""
    return character.casefold() if ignore_case else character


def _range_text(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"
