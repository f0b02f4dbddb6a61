"""The decorator for compiled functions, with types kept for mypy."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

from .. import machine_code

F = TypeVar("F", bound=Callable[..., object])

_KEEP = machine_code.folder() is not None


def compiled(function: F) -> F:
    """Compile `function` with numba on first use, and keep the machine code on disk where possible.

    No fast-math: the arithmetic must be IEEE's, operation by operation, as Pillow's is.
    """
    with machine_code.kept():
        return cast(F, numba.njit(cache=_KEEP, nogil=True, error_model="numpy")(function))
