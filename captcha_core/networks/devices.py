"""PyTorch devices: choosing one, and moving networks and images to it."""

import contextlib
import functools
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..errors import DeviceError


def choose(name: str | None = None) -> torch.device:
    """Return the named device; for None or ``auto`` the best of this machine: CUDA, Apple's GPU, the CPU.

    Raises
    ------
    DeviceError
        When this machine has no such device.
    """
    if name is None or name == "auto":
        return torch.device(_best())
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(
            f"no device {name!r} here ({str(error).splitlines()[0]}): use 'cpu' or 'auto'"
        ) from None
    return device


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


@contextlib.contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Let PyTorch use `count` threads within the block; 0 leaves the number unchanged."""
    previous = torch.get_num_threads()
    torch.set_num_threads(count or previous)
    try:
        yield
    finally:
        torch.set_num_threads(previous)


def inference_precision(device: torch.device) -> AbstractContextManager[object]:
    """Return the context of inference: autocast to bfloat16 on CUDA, float32 elsewhere."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    return contextlib.nullcontext()


def training_precision(device: torch.device) -> AbstractContextManager[object]:
    """Return the context of a training step's forward pass: bfloat16 on devices with instructions for it.

    Weights, gradients and the optimiser's state stay in float32. bfloat16 has the range of float32,
    so gradients need no scaling. On a CPU with bfloat16 instructions a step takes 0.6 times as long
    (0.4 for `vgg`); on one without, bfloat16 was measured ten times slower than float32.
    """
    if device.type == "cpu" and _cpu_has_bfloat16():
        return torch.autocast("cpu", torch.bfloat16)
    return inference_precision(device)


@functools.cache
def _cpu_has_bfloat16() -> bool:
    # PyTorch before 2.11 has no get_capabilities.
    capabilities: Mapping[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def upload(images: npt.NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Copy uint8 images (N, H, W, C) to a device as a uint8 tensor (N, C, H, W), channels last in memory."""
    tensor = torch.from_numpy(images)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True).permute(0, 3, 1, 2)


def normalised(images: torch.Tensor, mean: float, std: float) -> torch.Tensor:
    """Return (images / 255 - mean) / std as float32 (N, C, H, W), in the memory format of `images`."""
    return images.float().mul_(1 / (255 * std)).sub_(mean / std)


def to_device(network: nn.Module, device: torch.device) -> nn.Module:
    """Move a network to a device, channels last in memory, where convolutions are fastest."""
    moved: nn.Module = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved
