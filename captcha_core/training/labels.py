"""Checks that a network can learn the labels it is given, before the first step."""

from collections.abc import Iterable

from ..errors import LabelError
from ..networks import Problem

_SHOWN = 10


def check(texts: Iterable[str], problem: Problem) -> None:
    """Check every text against a problem's charset and lengths.

    Raises
    ------
    LabelError
        With the count of labels that do not fit, and the first ten of them.
    """
    known = set(problem.charset)
    low, high = problem.lengths
    wrong: list[str] = []
    count = 0
    for text in texts:
        reason = _fault(text, known, low, high)
        if reason:
            count += 1
            if len(wrong) < _SHOWN:
                wrong.append(f"{text!r} ({reason})")
    if count:
        more = ", …" if count > _SHOWN else ""
        raise LabelError(
            f"{count:,} labels do not fit the network: {', '.join(wrong)}{more}. "
            "Correct them, or widen the network's charset or lengths"
        )


def check_covers(problem: Problem, charset: str, lengths: tuple[int, int]) -> None:
    """Check that a network can learn whatever a charset and a range of lengths may spell.

    Raises
    ------
    LabelError
        When it cannot.
    """
    missing = sorted(set(charset) - set(problem.charset))
    if missing:
        raise LabelError(
            f"the images hold {''.join(missing)!r}, which the network does not read: widen its charset"
        )
    low, high = problem.lengths
    if lengths[0] < low or lengths[1] > high:
        raise LabelError(
            f"the images have {lengths[0]} to {lengths[1]} characters, "
            f"and the network reads {low} to {high}: widen its lengths"
        )


def _fault(text: str, known: set[str], low: int, high: int) -> str | None:
    unknown = sorted(set(text) - known)
    if unknown:
        return f"{''.join(unknown)!r} unknown"
    if not low <= len(text) <= high:
        return f"length {len(text)}, not {low if low == high else f'{low} to {high}'}"
    return None
