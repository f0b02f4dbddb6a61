"""The alignment of a text read with the true text."""

from collections.abc import Iterator


def align_characters(truth: str, text: str) -> Iterator[tuple[int, str, str]]:
    """Align the characters of a true text and of the text read.

    Texts of equal length are aligned position by position, others by a minimal sequence of edits
    (Levenshtein distance).

    Yields
    ------
    position
        Index into `truth`; for an inserted character, that of the true character after it.
    true, read
        The aligned characters; empty where the other one was inserted or deleted.
    """
    if len(truth) == len(text):
        yield from zip(range(len(truth)), truth, text, strict=True)
        return
    costs = _edit_costs(truth, text)
    i, j, pairs = len(truth), len(text), []
    while i or j:
        if i and j and costs[i][j] == costs[i - 1][j - 1] + (truth[i - 1] != text[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, truth[i], text[j]))
        elif i and costs[i][j] == costs[i - 1][j] + 1:
            i -= 1
            pairs.append((i, truth[i], ""))
        else:
            j -= 1
            pairs.append((i, "", text[j]))
    yield from reversed(pairs)


def _edit_costs(truth: str, text: str) -> list[list[int]]:
    """Return the edit distances of all pairs of prefixes (Wagner and Fischer, 1974)."""
    costs = [list(range(len(text) + 1))]
    for i, true in enumerate(truth, 1):
        above, row = costs[-1], [i]
        for j, read in enumerate(text, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (true != read)))
        costs.append(row)
    return costs
