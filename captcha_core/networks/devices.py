"""Devices: choosing one, and how tensors are laid out on each."""

import contextlib
import functools
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..errors import TrainingError


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


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Let PyTorch compute on so many threads within the block; 0 leaves it as it is."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def mixed_precision(device: torch.device) -> AbstractContextManager[object]:
    """Return the context of reading: bfloat16 on CUDA, float32 elsewhere."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    return contextlib.nullcontext()


def training_precision(device: torch.device) -> AbstractContextManager[object]:
    """Return the context of a training step's forward pass: bfloat16 where the device computes in it.

    Weights, gradients and the optimiser stay in float32. bfloat16 has its range, so gradients need
    no scaling. On a CPU with instructions for it a step takes some 0.6 times as long (0.4 for
    `vgg`); on one without, bfloat16 was measured ten times slower than float32.
    """
    if device.type == "cpu" and _cpu_has_bfloat16():
        return torch.autocast("cpu", torch.bfloat16)
    return mixed_precision(device)


@functools.cache
def _cpu_has_bfloat16() -> bool:
    # PyTorch before 2.11 cannot tell.
    capabilities: Mapping[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


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
