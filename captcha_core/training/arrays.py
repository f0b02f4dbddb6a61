"""Arrays in files of a run's folder."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..storage import AnyPath


def read_array(path: AnyPath) -> npt.NDArray[Any]:
    """Return the array in a .npy file: of this machine, mapped from the disk; of a store, in memory.

    Raises
    ------
    FileNotFoundError, OSError, StorageError
        When it cannot be read.
    """
    if isinstance(path, Path):
        mapped: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return mapped
    stored: npt.NDArray[Any] = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    return stored
