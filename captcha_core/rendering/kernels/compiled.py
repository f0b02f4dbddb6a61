"""The decorator of compiled functions; it keeps their types for mypy."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

from .. import machine_code

F = TypeVar("F", bound=Callable[..., object])

_CACHE = machine_code.cache_folder() is not None


def compiled(function: F) -> F:
    """Compile `function` with numba on its first call, and cache the machine code on disk if possible.

    Without fast-math: each operation must follow IEEE 754, as in Pillow.
    """
    with machine_code.caching():
        return cast(F, numba.njit(cache=_CACHE, nogil=True, error_model="numpy")(function))
