"""torch.compile where it pays, and PyTorch as it is where compiling does not work."""

import importlib.util
import logging

import torch

log = logging.getLogger(__name__)

_failed = False  # in this process: what failed once would cost every slice the same seconds


def pays(device: torch.device) -> bool:
    """Tell whether to compile for a device: on CUDA where Triton is, unless that failed before."""
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None and not _failed


def is_fault(error: RuntimeError) -> bool:
    """Tell whether an error is the compiler's, and not the network's."""
    from torch._dynamo.exc import TorchDynamoException

    return isinstance(error, TorchDynamoException)


def give_up(error: RuntimeError) -> None:
    """Record that compiling does not work in this process."""
    global _failed  # noqa: PLW0603 (a fact about the process)
    _failed = True
    reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    log.warning("torch.compile does not work here, training goes on without it: %s", reason)
