"""Characters of a truth and a text, paired."""

from collections.abc import Iterator


def aligned(truth: str, text: str) -> Iterator[tuple[int, str, str]]:
    """Pair the characters of a truth and a reading.

    Texts of equal length pair place by place; others along a shortest sequence of edits.

    Yields
    ------
    position
        In the truth; for a character too many, of the true character it stands before.
    true, read
        The characters; one of them may be empty.
    """
    if len(truth) == len(text):
        yield from zip(range(len(truth)), truth, text, strict=True)
        return
    costs = _edit_costs(truth, text)
    i, j, steps = len(truth), len(text), []
    while i or j:
        if i and j and costs[i][j] == costs[i - 1][j - 1] + (truth[i - 1] != text[j - 1]):
            i, j = i - 1, j - 1
            steps.append((i, truth[i], text[j]))
        elif i and costs[i][j] == costs[i - 1][j] + 1:
            i -= 1
            steps.append((i, truth[i], ""))
        else:
            j -= 1
            steps.append((i, "", text[j]))
    yield from reversed(steps)


def _edit_costs(truth: str, text: str) -> list[list[int]]:
    """Return the edit distances of all pairs of prefixes (Wagner and Fischer, 1974)."""
    costs = [list(range(len(text) + 1))]
    for i, true in enumerate(truth, 1):
        above, row = costs[-1], [i]
        for j, read in enumerate(text, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (true != read)))
        costs.append(row)
    return costs
