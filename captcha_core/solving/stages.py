"""How long the stages of reading take: read, decode, network, text, write."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

READ = "read"
"""Getting the bytes of images: from files, archives or a store."""
DECODE = "decode"
"""From bytes to pixels of the network's size."""
NETWORK = "network"
TEXT = "text"
"""From the network's outputs to texts."""
WRITE = "write"
"""Writing the rows."""


class StageTimes:
    """Adds up the seconds of each stage, over all threads that are in it.

    Attributes
    ----------
    seconds
        By stage.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, stage: str, seconds: float) -> None:
        with self._lock:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    @contextmanager
    def measured(self, stage: str) -> Iterator[None]:
        """Add what the block takes."""
        started_at = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - started_at)

    def reading(self, items: Iterable[T]) -> Iterator[T]:
        """Yield items, and add the time for which each is waited for."""
        iterator, end = iter(items), object()
        while True:
            started_at = time.perf_counter()
            item = next(iterator, end)
            self.add(READ, time.perf_counter() - started_at)
            if item is end:
                return
            yield item  # type: ignore[misc]
