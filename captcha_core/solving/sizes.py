"""How a listing of images is cut into batches."""

import itertools
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")

FIRST_BATCH = 128
USUAL_BATCH = 1024
LISTED_SHARE = 32  # a batch among many images has one 32nd of those listed so far
REST_SHARE = 4  # a batch near the end has a quarter of those left


def batches(items: Iterator[T], *, largest: int, listed: int = 0) -> Iterator[list[T]]:
    """Cut a stream of items into batches.

    Small ones first, so that a first result comes soon; larger ones among many items, since a
    batch costs some milliseconds; smaller ones again at the end, so that no worker waits long
    for another's last batch.

    Parameters
    ----------
    largest
        Most items in a batch.
    listed
        Number of items in earlier batches.
    """
    ahead: list[T] = []
    while True:
        size = min(largest, max(min(FIRST_BATCH + listed, USUAL_BATCH), listed // LISTED_SHARE))
        many = listed >= USUAL_BATCH
        lookahead = 2 * size if many else size  # the first batches wait for no further items
        ahead += itertools.islice(items, lookahead - len(ahead))
        if not ahead:
            return
        at_end = many and len(ahead) < lookahead
        if at_end:
            size = min(size, max(FIRST_BATCH, -(-len(ahead) // REST_SHARE)))
        batch, ahead = ahead[:size], ahead[size:]
        yield batch
        listed += len(batch)
