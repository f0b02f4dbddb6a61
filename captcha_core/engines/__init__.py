"""Engines: what runs a network. Each turns a batch of images into logits; none decodes.

Importing this package imports neither PyTorch nor onnxruntime.
"""

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..errors import CheckpointError, DeviceError, MissingExtraError, NotExportedError
from ..machine import accelerator_possible, installed
from ..networks.checkpoint import Checkpoint
from . import onnx_file

Images = npt.NDArray[np.uint8]
Logits = npt.NDArray[np.float32]

AUTO, TORCH, ONNX, ONNX_INT8 = "auto", "torch", "onnx", "onnx-int8"
NAMES = (AUTO, TORCH, ONNX, ONNX_INT8)

FILES = {ONNX: onnx_file.FP32_FILE, ONNX_INT8: onnx_file.INT8_FILE}


class Engine(Protocol):
    """A network ready to run.

    Attributes
    ----------
    name
        One of `NAMES` other than ``auto``.
    device
        Where it runs: ``cpu``, ``cuda:0``, ``mps``.
    batch
        Images a call that it is fastest with; it takes any number.
    """

    name: str
    device: str
    batch: int

    def logits(self, images: Images) -> Logits:
        """Run the network.

        Parameters
        ----------
        images
            uint8 (N, H, W, C) of the size and channels that the checkpoint reads, N at least 1.

        Returns
        -------
        float32 (N, T, classes)
        """


def load(found: Checkpoint, device: str | None = None, engine: str = AUTO) -> Engine:
    """Make a checkpoint's network ready.

    Parameters
    ----------
    device
        As `devices.choose` takes it; absent or ``auto`` for the best there is.
    engine
        ``torch``; ``onnx`` or ``onnx-int8`` for the file that `exporting` put beside the
        weights, on the CPU; ``auto``: on a CPU the int8 file if there is one, else the fp32
        file, else PyTorch; on any other device PyTorch.

    Raises
    ------
    CheckpointError
        When the weights are missing or damaged.
    NotExportedError, UnusableExportError
        When the engine's file is missing; is damaged or another checkpoint's.
    DeviceError
        When there is no such engine, or no such device for it.
    MissingExtraError
        When the engine is not installed.
    """
    if engine not in NAMES:
        raise DeviceError(f"unknown engine {engine!r}: use one of {', '.join(NAMES)}")
    if engine == AUTO:
        engine = _best(found, device)
    return _torch(found, device) if engine == TORCH else _onnx(found, device, engine)


def exported(found: Checkpoint) -> list[str]:
    """Return the ONNX engines whose file lies beside a checkpoint's weights, the fastest first."""
    return [name for name in (ONNX_INT8, ONNX) if found.folder and (found.folder / FILES[name]).is_file()]


def place(found: Checkpoint, engine: str) -> Path:
    """Return where an ONNX engine's file lies, or would lie.

    Raises
    ------
    CheckpointError
        When the checkpoint was never read from a folder.
    """
    if found.folder is None:
        raise CheckpointError(f"this checkpoint is in memory alone: save it before you use engine {engine}")
    return found.folder / FILES[engine]


def _best(found: Checkpoint, device: str | None) -> str:
    if not _on_cpu(device):
        return TORCH
    choices = exported(found) if installed("onnxruntime") else []
    return choices[0] if choices else TORCH


def _on_cpu(device: str | None) -> bool:
    if device not in (None, AUTO):
        return device == "cpu"
    if not accelerator_possible():
        return True
    from ..networks import devices

    return devices.choose().type == "cpu"


def _torch(found: Checkpoint, device: str | None) -> Engine:
    if not installed("torch"):
        raise MissingExtraError("reading without an exported network", "torch")
    from .torch_engine import TorchEngine

    return TorchEngine(found, device)


def _onnx(found: Checkpoint, device: str | None, engine: str) -> Engine:
    if device not in (None, AUTO, "cpu"):
        raise DeviceError(f"engine {engine} runs on the CPU alone, not on {device!r} as engine torch does")
    if not installed("onnxruntime"):
        raise MissingExtraError(f"engine {engine}", "onnx")
    path = place(found, engine)
    if not path.is_file():
        raise NotExportedError(f"no {path}, which engine {engine} runs")
    from .onnx_engine import OnnxEngine

    return OnnxEngine(path, found.model.digest, engine)
