"""Groups of images decoded ahead of the network that reads them, within bounds of memory.

At most `WINDOW` groups are held besides the one that the network reads, and a group takes no
more than `GROUP_BYTES` and one item: with image files of at most 32 MiB, 288 MiB in all. Each
thread that decodes holds one image at its full size besides.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType
from typing import TypeVar

import numpy as np
from PIL import Image

resource: ModuleType | None
try:
    import resource
except ImportError:  # on Windows
    resource = None

WINDOW = 3
GROUP_BYTES = 64 << 20  # 1,024 images, the largest batch of an engine, of 64 KiB each: captchas have less
CHUNK = 16  # images that a thread decodes in one go
SLOW_FILES = 0.25  # waits a file, from which on files count as slow to come

T = TypeVar("T")
U = TypeVar("U")


def in_groups(items: Iterable[T], size: int, decoded_bytes: int = 0) -> Iterator[list[T]]:
    """Cut items into groups of `size`, or of fewer that take `GROUP_BYTES`.

    Parameters
    ----------
    decoded_bytes
        What an image takes once it is decoded.
    """
    iterator = iter(items)
    while group := list(itertools.islice(_until_full(iterator, decoded_bytes), size)):
        yield group


def _until_full(items: Iterator[T], decoded_bytes: int) -> Iterator[T]:
    """Yield items up to the one with which they take `GROUP_BYTES`."""
    room = GROUP_BYTES
    for item in items:
        yield item
        room -= max(held_bytes(item), decoded_bytes)
        if room <= 0:
            return


def held_bytes(item: object) -> int:
    """Return the bytes that an item takes until it is decoded: 0 for a path, which is read only then."""
    if isinstance(item, bytes):
        return len(item)
    if isinstance(item, np.ndarray):
        return item.nbytes
    if isinstance(item, Image.Image):
        return 4 * item.width * item.height  # as Pillow keeps the pixels of every colour mode
    return 0


def decode_in_turn(decode: Callable[[Sequence[T]], list[U]], groups: Iterator[list[T]]) -> Iterator[list[U]]:
    """Decode each group when it is asked for, until its files are waited for; then ahead.

    With one core for both, decoding ahead only takes the core's caches from the network.
    """
    for group in groups:
        waits_before = _waits()
        decoded = decode(group)
        slow = _waits() - waits_before > SLOW_FILES * len(group)
        del group  # the network reads next, and needs no files for it
        yield decoded
        if slow:
            yield from decode_ahead(decode, groups, 1)


def _waits() -> int:
    """Return how often this thread has stopped to wait, as it does for a file that is not in memory.

    macOS counts for all threads together, and Windows does not count: there it is 0.
    """
    if resource is None:
        return 0
    which = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
    return int(resource.getrusage(which).ru_nvcsw)


def decode_ahead(
    decode: Callable[[Sequence[T]], list[U]], groups: Iterator[list[T]], threads: int
) -> Iterator[list[U]]:
    """Decode in threads, `WINDOW` groups at a time, and yield them in order."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    window: deque[list[Future[list[U]]]] = deque()
    try:
        for group in groups:
            window.append([pool.submit(decode, chunk) for chunk in _chunks(group, threads)])
            if len(window) == WINDOW:
                yield _joined(window.popleft())
        while window:
            yield _joined(window.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _chunks(group: list[T], threads: int) -> Iterator[list[T]]:
    """Cut a group into chunks: smaller ones where it is a few large images, so that all threads get some."""
    size = min(CHUNK, -(-len(group) // threads))
    return (group[start : start + size] for start in range(0, len(group), size))


def _joined(chunks: list[Future[list[T]]]) -> list[T]:
    return [image for chunk in chunks for image in chunk.result()]
