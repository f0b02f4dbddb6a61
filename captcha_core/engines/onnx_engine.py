"""onnxruntime on the CPU: faster than PyTorch there, and a hundredth of its size to install."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from ..errors import UnusableExportError
from ..machine import threads
from . import onnx_file

_SLICE = 16  # images whose activations stay in a core's own cache
_SLICES = 8  # a thread in a batch: more seldom, decoding and the network take the cache from each other
_MOST = 1024  # images in a batch, which are held decoded


class OnnxEngine:
    """An exported network.

    It takes a batch in slices, each on one thread from the first layer to the last. Threads that
    share every layer, onnxruntime's own way, wait for each other and read what another core wrote.

    Parameters
    ----------
    path
        A file that `exporting` wrote.
    digest
        Of the checkpoint that it must have been made from.
    name
        The engine's name.

    Raises
    ------
    NotExportedError, UnusableExportError
        When it is missing; is damaged or another checkpoint's.
    """

    device = "cpu"

    def __init__(self, path: Path, digest: str, name: str) -> None:
        self.name = name
        count = threads()
        self.batch = min(_SLICE * _SLICES * count, _MOST)
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="network") if count > 1 else None
        data = onnx_file.read(path)
        try:
            self._session = onnxruntime.InferenceSession(data, _options(), providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001  (a dozen types of its own, with no base but Exception)
            raise UnusableExportError(
                f"onnxruntime {onnxruntime.__version__} cannot load {path} ({error})"
            ) from None
        header = self._session.get_modelmeta().custom_metadata_map.get(onnx_file.KEY, "")
        onnx_file.check_belongs(path, header, digest)

    def logits(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return float32 (N, T, classes) of uint8 images (N, H, W, C)."""
        slices = [images[start : start + _SLICE] for start in range(0, len(images), _SLICE)]
        parts = self._pool.map(self._run, slices) if self._pool else map(self._run, slices)
        return np.concatenate(list(parts))

    def _run(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = self._session.run([onnx_file.OUTPUT], {onnx_file.INPUT: images})[0]
        return found


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return options
