"""Prefetching: the next batches are made in background threads while the device works."""

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor

from ..images.pixels import with_channels
from .data import Batch, Source


def batches(
    source: Source, position: int, size: int, channels: int, threads: int = 1, ahead: int = 4
) -> Generator[Batch, None, None]:
    """Yield a source's batches in order, from `position` on, without end, grey or in colour.

    Close the generator to stop the threads; an error of the source is raised here, at the
    batch it struck.
    """

    def make(start: int) -> Batch:
        images, texts = source.batch(start, size)
        return with_channels(images, channels), texts

    executor = ThreadPoolExecutor(threads, thread_name_prefix="prefetch")
    pending: deque[Future[Batch]] = deque()
    try:
        while True:
            while len(pending) < ahead:
                pending.append(executor.submit(make, position))
                position += size
            yield pending.popleft().result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
