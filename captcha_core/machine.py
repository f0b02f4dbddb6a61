"""What this machine has: cores, memory, accelerators."""

import importlib.util
import os
import platform
from pathlib import Path

_ACCELERATOR_FILES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # NVIDIA; any vendor under WSL; AMD
_MEMORY_LIMIT_FILES = (  # of a container: cgroup v2, cgroup v1
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)


def cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Return the number of threads for a network: ``OMP_NUM_THREADS`` if that is a number, else `cores`."""
    setting = os.environ.get("OMP_NUM_THREADS", "")
    return int(setting) if setting.isdecimal() and int(setting) else cores()


def accelerator_possible() -> bool:
    """Return whether this machine may have an accelerator; only PyTorch can tell for certain."""
    apple_silicon = platform.system() == "Darwin" and platform.machine() == "arm64"
    return installed("torch") and (apple_silicon or bool(accelerator_driver()))


def accelerator_driver() -> str:
    """Return the file by which a GPU's driver shows itself; empty where there is none."""
    return next((file for file in _ACCELERATOR_FILES if Path(file).exists()), "")


def installed(module: str) -> bool:
    """Return whether a top-level module is installed, without importing it."""
    return importlib.util.find_spec(module) is not None


def total_memory() -> int:
    """Return the memory in bytes of this machine, or of the container it runs in; not what is free of it."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in map(Path, _MEMORY_LIMIT_FILES):
        limit = file.read_text().strip() if file.is_file() else "max"
        limits += [int(limit)] if limit.isdecimal() else []
    return min(limits)
