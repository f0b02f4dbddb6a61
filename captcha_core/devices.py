"""Devices: choosing one, and how tensors are laid out on each."""

import contextlib
from contextlib import AbstractContextManager

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from .errors import TrainingError


def choose(name: str | None = None) -> torch.device:
    """Return the named device, or the best there is: CUDA, Apple's GPU, the CPU.

    Raises
    ------
    TrainingError
        When this machine has no such device.
    """
    if name is None or name == "auto":
        return torch.device(_best())
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise TrainingError(
            f"no device {name!r} here ({str(error).splitlines()[0]}): use 'cpu' or 'auto'"
        ) from None
    return device


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def mixed_precision(device: torch.device) -> AbstractContextManager[object]:
    """Return the context of forward passes: bfloat16 on CUDA, as it is elsewhere.

    bfloat16 has the range of float32, so no gradient scaling; on CPUs it was measured ten
    times slower than float32.
    """
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    return contextlib.nullcontext()


def upload(images: npt.NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Move uint8 images (N, H, W, C) to a device as uint8 (N, C, H, W), channels last in memory."""
    tensor = torch.from_numpy(images)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True).permute(0, 3, 1, 2)


def scaled(images: torch.Tensor, mean: float, std: float) -> torch.Tensor:
    """Return (images / 255 - mean) / std as float32, in the layout of `images`."""
    return images.float().mul_(1 / (255 * std)).sub_(mean / std)


def placed(network: nn.Module, device: torch.device) -> nn.Module:
    """Move a network to a device, channels last in memory, which convolutions are fastest on."""
    moved: nn.Module = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved
