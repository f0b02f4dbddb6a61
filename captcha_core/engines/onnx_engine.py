"""onnxruntime on the CPU: faster than PyTorch there, and a hundredth of its size to install."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from .. import onnx_file
from ..errors import CheckpointError
from . import threads


class OnnxEngine:
    """An exported network.

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
    CheckpointError
        When it is missing, damaged, or another checkpoint's.
    """

    device = "cpu"
    batch = 64  # fits the caches of a core

    def __init__(self, path: Path, digest: str, name: str) -> None:
        self.name = name
        data = onnx_file.read(path)
        try:
            self._session = onnxruntime.InferenceSession(data, _options(), providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001  (a dozen types of its own, with no base but Exception)
            raise CheckpointError(
                f"onnxruntime {onnxruntime.__version__} cannot load {path} ({error}): export it again"
            ) from None
        header = self._session.get_modelmeta().custom_metadata_map.get(onnx_file.KEY, "")
        onnx_file.check_belongs(path, header, digest)

    def logits(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return float32 (N, T, classes) of uint8 images (N, H, W, C)."""
        found: npt.NDArray[np.float32] = self._session.run([onnx_file.OUTPUT], {onnx_file.INPUT: images})[0]
        return found


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    # Threads that spin while they wait take the cores from the worker beside this one.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options
