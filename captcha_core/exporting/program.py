"""`torch.export`: a file that PyTorch runs without capq."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..engines import onnx_file
from ..networks.checkpoint import Checkpoint
from ..storage import AnyPath
from .byte_input import ByteInput, example


def serialise(checkpoint: Checkpoint, header: onnx_file.Header) -> bytes:
    """Return a checkpoint's network as `torch.export.load` takes it, the header as extra file ``capq``."""
    program = torch.export.export(
        ByteInput.from_checkpoint(checkpoint),
        (example(checkpoint),),
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={onnx_file.KEY: header.model_dump_json()})
    return buffer.getvalue()


class ProgramEngine:
    """An exported program, loaded as anybody would."""

    name = "torch-export"
    device = "cpu"
    batch_size = 64

    def __init__(self, path: AnyPath) -> None:
        # As a buffer: PyTorch warns of files by another name than *.pt2.
        self._run: Any = torch.export.load(io.BytesIO(path.read_bytes())).module()

    def logits(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return float32 (N, T, classes) of uint8 images (N, H, W, C)."""
        with torch.inference_mode():
            logits: npt.NDArray[np.float32] = self._run(torch.from_numpy(images)).numpy()
        return logits
