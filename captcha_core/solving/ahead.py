"""Groups of images decoded ahead of the network that reads them."""

import itertools
import resource
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_CHUNK = 16  # images that a thread decodes in one go
_WAITED = 0.25  # of the files: they come slowly
_WHO = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)  # macOS counts for all threads alone

T = TypeVar("T")
U = TypeVar("U")


def _groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while group := list(itertools.islice(iterator, size)):
        yield group


def _in_turn(decode: Callable[[Sequence[T]], list[U]], groups: Iterator[list[T]]) -> Iterator[list[U]]:
    """Decode each group when it is asked for, until its files are waited for; then ahead.

    With one core for both, decoding ahead only takes the core's caches from the network.
    """
    for group in groups:
        before = _waits()
        decoded = decode(group)
        waits = _waits() - before
        yield decoded
        if waits > _WAITED * len(group):
            yield from _ahead(decode, groups, 1)


def _waits() -> int:
    """Return how often this thread has stopped to wait, as it does for a file that is not in memory."""
    return resource.getrusage(_WHO).ru_nvcsw


def _ahead(
    decode: Callable[[Sequence[T]], list[U]], groups: Iterator[list[T]], threads: int
) -> Iterator[list[U]]:
    """Decode in threads, two groups ahead of the one that is asked for."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    ahead: deque[list[Future[list[U]]]] = deque()
    try:
        for group in groups:
            starts = range(0, len(group), _CHUNK)
            ahead.append([pool.submit(decode, group[at : at + _CHUNK]) for at in starts])
            if len(ahead) > 2:
                yield _gathered(ahead.popleft())
        while ahead:
            yield _gathered(ahead.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _gathered(parts: list[Future[list[T]]]) -> list[T]:
    return [each for part in parts for each in part.result()]
