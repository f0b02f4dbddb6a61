"""Where the compiled engine's machine code is kept between processes.

numba's own choice of folder goes by the time stamp of one source file, which misses a
change in another module or an upgrade that keeps time stamps. Here each set of sources,
numba version and kind of processor has its own folder:
``$NUMBA_CACHE_DIR/capq-<digest>``, or ``capq/renderer-<digest>`` in the user's cache
folder (``$XDG_CACHE_HOME`` or ``~/.cache`` on Linux).
"""

import contextlib
import functools
import hashlib
import importlib.util
import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import platformdirs

_READY = "ready"
_compiled_here = False


def installed() -> bool:
    """Tell whether numba can be imported, without importing it."""
    return importlib.util.find_spec("numba") is not None


@functools.cache
def folder() -> Path | None:
    """Return the folder, made if need be; None where none can be written."""
    base = os.environ.get("NUMBA_CACHE_DIR")
    path = Path(base) / f"capq-{_digest()}" if base else _user_cache() / f"renderer-{_digest()}"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return path if os.access(path, os.W_OK) else None


def ready() -> bool:
    """Tell whether this process, or an earlier one on a machine of this kind, has compiled everything."""
    path = folder()
    return _compiled_here or (path is not None and (path / _READY).exists())


def mark_ready() -> None:
    """Note that everything is compiled."""
    global _compiled_here  # noqa: PLW0603  (a fact about the process)
    path = folder()
    if path is not None and not _compiled_here:
        with contextlib.suppress(OSError):
            (path / _READY).touch()
    _compiled_here = True


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Have numba keep what is decorated within, and leave its settings as they were."""
    import numba

    settings: Any = numba.config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(folder() or "")
    try:
        yield
    finally:
        settings.CACHE_DIR = before


def _user_cache() -> Path:
    return platformdirs.user_cache_path("capq", appauthor=False)


def _digest() -> str:
    sources = sorted((Path(__file__).parent / "kernels").glob("*.py"))
    parts = [metadata.version("numba"), metadata.version("llvmlite"), sys.version, _processor()]
    digest = hashlib.sha256("\n".join(parts).encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _processor() -> str:
    """Name the processor and what it can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    named = [line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))]
    return platform.machine() + "".join(sorted(set(named)))
