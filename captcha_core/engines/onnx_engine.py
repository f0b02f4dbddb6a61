"""onnxruntime on the CPU: faster than PyTorch there, and a hundredth of its size to install."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import onnxruntime

from ..errors import UnusableExportError
from ..machine import threads
from ..storage import AnyPath
from . import onnx_file

_SLICE = 16  # images whose activations fit a core's own cache
_SLICES_PER_THREAD = 8  # in a batch: fewer batches mean that decoding evicts the network's cache less often
_MAX_BATCH = 1024  # images, since a batch is held decoded


class OnnxEngine:
    """An exported network.

    A batch is cut into slices, and each slice runs on one thread from the first layer to the last.
    onnxruntime's own parallelism splits every layer over the threads, which then wait for each
    other and read what another core has written.

    Parameters
    ----------
    path
        A file that `exporting` wrote.
    digest
        Digest of the checkpoint that the file must have been exported from.
    name
        ``onnx`` or ``onnx-int8``.

    Raises
    ------
    NotExportedError, UnusableExportError
        When the file is missing; when it is damaged or another checkpoint's.
    """

    device = "cpu"

    def __init__(self, path: AnyPath, digest: str, name: str) -> None:
        self.name = name
        self._path = path
        thread_count = threads()
        self.batch_size = min(_SLICE * _SLICES_PER_THREAD * thread_count, _MAX_BATCH)
        self._pool = (
            ThreadPoolExecutor(thread_count, thread_name_prefix="network") if thread_count > 1 else None
        )
        data = onnx_file.read(path)
        try:
            # Its way out after an error is to say so on standard output and to try the same again.
            self._session = onnxruntime.InferenceSession(
                data, _session_options(), providers=["CPUExecutionProvider"], enable_fallback=0
            )
            header = self._session.get_modelmeta().custom_metadata_map.get(onnx_file.KEY, "")
        except Exception as error:  # noqa: BLE001  (onnxruntime raises a dozen types, with no base but Exception)
            raise UnusableExportError(
                f"onnxruntime {onnxruntime.__version__} cannot load {path} ({error})"
            ) from None
        onnx_file.check_belongs(path, header, digest)

    def logits(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return float32 (N, T, classes) of uint8 images (N, H, W, C)."""
        slices = [images[start : start + _SLICE] for start in range(0, len(images), _SLICE)]
        parts = self._pool.map(self._run_slice, slices) if self._pool else map(self._run_slice, slices)
        return np.concatenate(list(parts))

    def _run_slice(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        try:
            logits: npt.NDArray[np.float32]
            logits = self._session.run([onnx_file.OUTPUT], {onnx_file.INPUT: images})[0]
        except Exception as error:  # noqa: BLE001  (as above)
            raise UnusableExportError(f"{self._path} does not run ({error})") from None
        return logits


def _session_options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return options
