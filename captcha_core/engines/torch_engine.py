"""The PyTorch engine: any device, channels last in memory, bfloat16 on CUDA."""

import numpy as np
import numpy.typing as npt
import torch

from ..networks import devices
from ..networks.checkpoint import Checkpoint
from ..networks.layers import fold_batch_norms

_CPU_BATCH = 64  # images whose activations fit the caches of a core
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

    def __init__(self, checkpoint: Checkpoint, device: str | None = None) -> None:
        self._device = devices.choose(device)
        self.device = str(self._device)
        self.batch_size = _CPU_BATCH if self.device == "cpu" else _DEVICE_BATCH
        self._scaling = checkpoint.model.scaling
        self._network = devices.to_device(fold_batch_norms(checkpoint.network()), self._device)

    def logits(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return float32 (N, T, classes) of uint8 images (N, H, W, C).

        A batch that does not fit the device's memory is halved, and `batch_size` with it.
        """
        try:
            return self._run(images)
        except torch.cuda.OutOfMemoryError:
            if len(images) == 1:
                raise
        torch.cuda.empty_cache()
        self.batch_size = half = len(images) // 2
        return np.concatenate([self.logits(images[:half]), self.logits(images[half:])])

    def _run(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        with torch.inference_mode(), devices.inference_precision(self._device):
            inputs = devices.upload(images, self._device)
            logits = self._network(devices.normalised(inputs, self._scaling.mean, self._scaling.std))
        array: npt.NDArray[np.float32] = logits.float().cpu().numpy()
        return array
