"""Engines: what runs a network. Each turns a batch of images into logits; none decodes.

Importing this package imports neither PyTorch nor onnxruntime.
"""

import importlib.util
import os
import platform
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .. import onnx_file
from ..checkpoint import Checkpoint
from ..errors import CheckpointError, MissingExtraError, TrainingError

Images = npt.NDArray[np.uint8]
Logits = npt.NDArray[np.float32]

AUTO, TORCH, ONNX, ONNX_INT8 = "auto", "torch", "onnx", "onnx-int8"
NAMES = (AUTO, TORCH, ONNX, ONNX_INT8)

FILES = {ONNX: onnx_file.FP32_FILE, ONNX_INT8: onnx_file.INT8_FILE}
_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # of Nvidia, of either under WSL, of AMD


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
        When a file is missing, damaged or another checkpoint's.
    TrainingError
        When there is no such engine, or no such device for it.
    MissingExtraError
        When the engine is not installed.
    """
    if engine not in NAMES:
        raise TrainingError(f"unknown engine {engine!r}: use one of {', '.join(NAMES)}")
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


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Return how many threads to run a network on: ``OMP_NUM_THREADS`` where it is a number, else `cores`."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) else cores()


def accelerator_possible() -> bool:
    """Return whether this machine may have a device other than its CPU; PyTorch alone knows for sure."""
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    return _installed("torch") and (apple or any(Path(driver).exists() for driver in _DRIVERS))


def _best(found: Checkpoint, device: str | None) -> str:
    if not _on_cpu(device):
        return TORCH
    choices = exported(found) if _installed("onnxruntime") else []
    return choices[0] if choices else TORCH


def _on_cpu(device: str | None) -> bool:
    if device not in (None, AUTO):
        return device == "cpu"
    if not accelerator_possible():
        return True
    from .. import devices

    return devices.choose().type == "cpu"


def _torch(found: Checkpoint, device: str | None) -> Engine:
    if not _installed("torch"):
        raise MissingExtraError("reading without an exported network (capq export)", "torch")
    from .torch_engine import TorchEngine

    return TorchEngine(found, device)


def _onnx(found: Checkpoint, device: str | None, engine: str) -> Engine:
    if device not in (None, AUTO, "cpu"):
        raise TrainingError(f"engine {engine} runs on the CPU alone: on {device!r} use engine torch")
    if not _installed("onnxruntime"):
        raise MissingExtraError(f"engine {engine}", "onnx")
    path = place(found, engine)
    if not path.is_file():
        raise CheckpointError(f"no {path}: make it with capq export {path.parent} --format {engine}")
    from .onnx_engine import OnnxEngine

    return OnnxEngine(path, found.model.digest, engine)


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
