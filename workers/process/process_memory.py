"""How many processes a worker has and what memory they take, where the system tells (Linux)."""

import os
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def families() -> Iterator[Metric]:
    """Yield the metrics of this process and its children."""
    pages = [_resident_pages(process) for process in _processes()]
    live = [count for count in pages if count]
    if live:
        yield GaugeMetricFamily(
            "capq_worker_processes", "Processes of this worker, its parent included", len(live)
        )
        yield GaugeMetricFamily(
            "capq_worker_memory_bytes", "Resident memory of this worker's processes", sum(live) * _PAGE
        )


def _processes() -> Iterator[int]:
    yield os.getpid()
    for task in Path("/proc/self/task").glob("*/children"):
        try:
            yield from map(int, task.read_text().split())
        except OSError:  # a thread that has ended
            continue


def _resident_pages(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
