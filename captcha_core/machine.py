"""What this machine has: cores, memory, accelerators."""

import importlib.util
import os
import platform
from pathlib import Path

_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # of Nvidia, of either under WSL, of AMD
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of a container


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Return how many threads to run a network on: ``OMP_NUM_THREADS`` where it is a number, else `cores`."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) else cores()


def accelerator_possible() -> bool:
    """Return whether this machine may have a device other than its CPU; PyTorch alone knows for sure."""
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    return installed("torch") and (apple or any(Path(driver).exists() for driver in _DRIVERS))


def installed(module: str) -> bool:
    """Return whether a module could be imported, without importing it."""
    return importlib.util.find_spec(module) is not None


def available_memory() -> int:
    """Return the bytes of memory of this machine, or of the container it runs in."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in map(Path, _LIMITS):
        text = limit.read_text().strip() if limit.is_file() else "max"
        found += [int(text)] if text.isdecimal() else []
    return min(found)
