"""Engines run a network: they turn a batch of images into logits, and leave decoding to the codec.

Importing this package imports neither PyTorch nor onnxruntime.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..errors import CheckpointError, DeviceError, MissingExtraError, NotExportedError
from ..machine import accelerator_possible, installed
from ..networks.checkpoint import Checkpoint
from ..storage import AnyPath
from . import onnx_file

Images = npt.NDArray[np.uint8]
Logits = npt.NDArray[np.float32]

AUTO, TORCH, ONNX, ONNX_INT8 = "auto", "torch", "onnx", "onnx-int8"
NAMES = (AUTO, TORCH, ONNX, ONNX_INT8)

FILES = {ONNX: onnx_file.FP32_FILE, ONNX_INT8: onnx_file.INT8_FILE}


class Engine(Protocol):
    """A network that is loaded and ready to run.

    Attributes
    ----------
    name
        One of `NAMES` other than ``auto``.
    device
        Where it runs: ``cpu``, ``cuda:0``, ``mps``.
    batch_size
        Number of images a call at which it is fastest; it accepts any number.
    """

    name: str
    device: str
    batch_size: int

    def logits(self, images: Images) -> Logits:
        """Run the network.

        Parameters
        ----------
        images
            uint8 (N, H, W, C), N at least 1, of the checkpoint's size and channels.

        Returns
        -------
        float32 (N, T, classes)
        """


def load(checkpoint: Checkpoint, device: str | None = None, engine: str = AUTO) -> Engine:
    """Load a checkpoint's network into an engine.

    Parameters
    ----------
    device
        As for `devices.choose`; None or ``auto`` stands for the best device of this machine.
    engine
        ``torch``; ``onnx`` or ``onnx-int8`` for the file that `exporting` wrote beside the
        weights, on the CPU only; ``auto``: on a CPU the int8 file if it exists, else the fp32
        file if it exists, else PyTorch; on any other device PyTorch.

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
        engine = _fastest_engine(checkpoint, device)
    return _load_torch(checkpoint, device) if engine == TORCH else _load_onnx(checkpoint, device, engine)


def exported_engines(checkpoint: Checkpoint) -> list[str]:
    """Return the names of the ONNX engines whose file was exported for a checkpoint, fastest first."""
    return [
        name
        for name in (ONNX_INT8, ONNX)
        if checkpoint.folder and (checkpoint.folder / FILES[name]).is_file()
    ]


def exported_path(checkpoint: Checkpoint, engine: str) -> AnyPath:
    """Return the path of the file exported for an ONNX engine, whether it exists or not.

    Raises
    ------
    CheckpointError
        When the checkpoint is in memory only.
    """
    if checkpoint.folder is None:
        raise CheckpointError(f"this checkpoint is in memory alone: save it before you use engine {engine}")
    return checkpoint.folder / FILES[engine]


def _fastest_engine(checkpoint: Checkpoint, device: str | None) -> str:
    if not _runs_on_cpu(device):
        return TORCH
    exported_names = exported_engines(checkpoint) if installed("onnxruntime") else []
    return exported_names[0] if exported_names else TORCH


def _runs_on_cpu(device: str | None) -> bool:
    if device not in (None, AUTO):
        return device == "cpu"
    if not accelerator_possible():
        return True
    from ..networks import devices

    return devices.choose().type == "cpu"


def _load_torch(checkpoint: Checkpoint, device: str | None) -> Engine:
    if not installed("torch"):
        raise MissingExtraError("reading without an exported network", "torch")
    from .torch_engine import TorchEngine

    return TorchEngine(checkpoint, device)


def _load_onnx(checkpoint: Checkpoint, device: str | None, engine: str) -> Engine:
    if device not in (None, AUTO, "cpu"):
        raise DeviceError(f"engine {engine} runs on the CPU alone, not on {device!r} as engine torch does")
    if not installed("onnxruntime"):
        raise MissingExtraError(f"engine {engine}", "onnx")
    path = exported_path(checkpoint, engine)
    if not path.is_file():
        raise NotExportedError(f"no {path}, which engine {engine} runs")
    from .onnx_engine import OnnxEngine

    return OnnxEngine(path, checkpoint.model.digest, engine)
