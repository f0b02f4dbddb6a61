"""Labels in one case."""

from collections.abc import Callable
from dataclasses import replace

from .labels import Labels


def case_folded(labels: Labels) -> Labels:
    """Return labels whose letters all have the case that is commoner among them."""
    letters = [letter for _, text in labels.pairs for letter in text if letter.lower() != letter.upper()]
    capitals = 2 * sum(map(str.isupper, letters)) > len(letters)
    fold: Callable[[str], str] = str.upper if capitals else str.lower
    pairs = tuple((path, "".join(map(_of_one_character(fold), text))) for path, text in labels.pairs)
    case = "capitals" if capitals else "small letters"
    return replace(labels, pairs=pairs, notes=(*labels.notes, f"all letters are taken as {case}"))


def _of_one_character(fold: Callable[[str], str]) -> Callable[[str], str]:
    # Some letters have no single one in the other case, such as ß: they stay.
    return lambda letter: fold(letter) if len(fold(letter)) == 1 else letter
