"""Images that are the same, and images that nearly are."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MOST = 20_000
"""Images among which near duplicates are looked for: each is compared with each."""

_DISTANCE = 6  # bits of 256 that hashes of the same image may differ by, after it was compressed again
_DIFFERENCE = 3.0  # levels of grey, on average, that its thumbnails may differ by
_ROWS = 64  # images that are compared with all others at a time


class Group(NamedTuple):
    """Images that are the same or nearly so, with their labels.

    Attributes
    ----------
    names, texts
        In reading order.
    """

    names: tuple[str, ...]
    texts: tuple[str, ...]

    @property
    def contradicts(self) -> bool:
        """Whether the labels are not all the same."""
        return len(set(self.texts)) > 1


def identical(digests: Sequence[bytes], names: Sequence[str], texts: Sequence[str]) -> list[Group]:
    """Return the groups of images with the same pixels; those with different labels first."""
    members: dict[bytes, list[int]] = defaultdict(list)
    for row, digest in enumerate(digests):
        members[digest].append(row)
    groups = [_group(rows, names, texts) for rows in members.values() if len(rows) > 1]
    return sorted(groups, key=lambda group: not group.contradicts)


def nearly_identical(
    hashes: Sequence[bytes],
    digests: Sequence[bytes],
    names: Sequence[str],
    texts: Sequence[str],
    thumbnail: Callable[[int], npt.NDArray[np.int16]],
) -> list[Group]:
    """Return pairs of images that look the same and have other pixels; those with different labels first.

    Parameters
    ----------
    thumbnail
        Returns an image's small pixels, by which a pair is looked at again.
    """
    # One of each group of identical images: their copies would give the same pairs again.
    rows = list({digest: row for row, digest in reversed(list(enumerate(digests)))}.values())[::-1]
    words = np.frombuffer(b"".join(hashes[row] for row in rows), np.uint64).reshape(len(rows), -1)
    pairs = []
    for start in range(0, len(rows), _ROWS):
        differing = words[start : start + _ROWS, None] ^ words[None]
        distances = np.bitwise_count(differing).sum(2, dtype=np.int64)
        for first, second in np.argwhere(distances <= _DISTANCE).tolist():
            if start + first < second:
                pairs.append((rows[start + first], rows[second]))
    same = [pair for pair in pairs if np.abs(thumbnail(pair[0]) - thumbnail(pair[1])).mean() <= _DIFFERENCE]
    groups = [_group(pair, names, texts) for pair in same]
    return sorted(groups, key=lambda group: not group.contradicts)


def _group(rows: Sequence[int], names: Sequence[str], texts: Sequence[str]) -> Group:
    return Group(tuple(names[row] for row in rows), tuple(texts[row] for row in rows))
