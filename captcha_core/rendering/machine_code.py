"""The cache of the compiled engine's machine code on disk.

numba's own cache is keyed by the time stamp of one source file, which misses a change in
another module or an upgrade that keeps time stamps. Here each set of sources and the path at which
they lie, which numba's key has as well, numba version and kind of processor has a folder of its own:
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

_COMPILED_MARKER = "ready"
_compiled_here = False


def installed() -> bool:
    """Return whether numba is installed, without importing it."""
    return importlib.util.find_spec("numba") is not None


@functools.cache
def cache_folder() -> Path | None:
    """Return the cache folder, created if missing; None if it cannot be written."""
    base = os.environ.get("NUMBA_CACHE_DIR")
    path = Path(base) / f"capq-{_digest()}" if base else _user_cache() / f"renderer-{_digest()}"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return path if os.access(path, os.W_OK) else None


def is_compiled() -> bool:
    """Return whether the engine is compiled: by this process, or by an earlier one into the cache."""
    path = cache_folder()
    return _compiled_here or (path is not None and (path / _COMPILED_MARKER).exists())


def mark_compiled() -> None:
    """Record, in the cache and for this process, that the engine is compiled."""
    global _compiled_here  # noqa: PLW0603  (state of the process)
    path = cache_folder()
    if path is not None and not _compiled_here:
        with contextlib.suppress(OSError):
            (path / _COMPILED_MARKER).touch()
    _compiled_here = True


@contextlib.contextmanager
def caching() -> Iterator[None]:
    """Make numba cache the functions decorated within the block in `cache_folder`."""
    import numba

    settings: Any = numba.config
    previous = settings.CACHE_DIR
    settings.CACHE_DIR = str(cache_folder() or "")
    try:
        yield
    finally:
        settings.CACHE_DIR = previous


def _user_cache() -> Path:
    return platformdirs.user_cache_path("capq", appauthor=False)


def _digest() -> str:
    folder = Path(__file__).parent
    sources = sorted((folder / "kernels").glob("*.py"))
    parts = [metadata.version("numba"), metadata.version("llvmlite"), sys.version, _processor(), str(folder)]
    digest = hashlib.sha256("\n".join(parts).encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _processor() -> str:
    """Return the processor's model and instruction sets, on which the machine code depends."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    descriptions = [
        line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))
    ]
    return platform.machine() + "".join(sorted(set(descriptions)))
