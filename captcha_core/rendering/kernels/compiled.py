"""The decorator for compiled functions, with types kept for mypy."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile `function` with numba on first use, and keep the machine code on disk.

    No fast-math: the arithmetic must be IEEE's, operation by operation, as Pillow's is.
    """
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
