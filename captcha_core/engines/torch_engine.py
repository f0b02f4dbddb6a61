"""PyTorch: any device, channels last in memory, bfloat16 on CUDA."""

import numpy as np
import numpy.typing as npt
import torch

from ..networks import devices
from ..networks.checkpoint import Checkpoint
from ..networks.layers import fold

_CPU_BATCH = 64  # fits the caches of a core
_DEVICE_BATCH = 1024


class TorchEngine:
    """A checkpoint's network on one device, batch norms folded.

    Raises
    ------
    DeviceError
        When this machine has no such device.
    CheckpointError
        When the weights do not fit the network.
    """

    name = "torch"

    def __init__(self, found: Checkpoint, device: str | None = None) -> None:
        self._device = devices.choose(device)
        self.device = str(self._device)
        self.batch = _CPU_BATCH if self.device == "cpu" else _DEVICE_BATCH
        self._scaling = found.model.scaling
        self._network = devices.placed(fold(found.network()), self._device)

    def logits(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return float32 (N, T, classes) of uint8 images (N, H, W, C).

        A batch that the device's memory does not hold is halved, and `batch` with it.
        """
        try:
            return self._run(images)
        except torch.cuda.OutOfMemoryError:
            if len(images) == 1:
                raise
        torch.cuda.empty_cache()
        self.batch = half = len(images) // 2
        return np.concatenate([self.logits(images[:half]), self.logits(images[half:])])

    def _run(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        with torch.inference_mode(), devices.mixed_precision(self._device):
            inputs = devices.upload(images, self._device)
            logits = self._network(devices.scaled(inputs, self._scaling.mean, self._scaling.std))
        found: npt.NDArray[np.float32] = logits.float().cpu().numpy()
        return found
