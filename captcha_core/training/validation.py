"""Reading held-out images with a network in training."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..codecs.codec import Codec
from ..images.pixels import with_channels
from ..networks import devices
from . import calibration
from .data import Batch, Images
from .plan import TrainingPlan

_BATCH = 250


@dataclass(frozen=True)
class Validation:
    """What a network reads on images that it was not trained on.

    Attributes
    ----------
    count, right
        Number of these images, and of those read without a fault.
    logits
        float32 (n, T, C), of the first ones, as many as `calibration` makes use of.
    texts
        The n ground-truth labels of these.
    """

    count: int
    right: int
    logits: npt.NDArray[np.float32]
    texts: list[str]

    @property
    def accuracy(self) -> float | None:
        """Share of the images read without a fault, None for no images."""
        return self.right / self.count if self.count else None

    @property
    def wrong(self) -> int:
        """Number of the images read with a fault."""
        return self.count - self.right

    def loss(self, codec: Codec) -> float:
        """Return the mean loss over the images whose logits are held; 0 for none."""
        if not self.texts:
            return 0.0
        return float(codec.loss(torch.from_numpy(self.logits), codec.encode(self.texts)))


def validate(
    network: nn.Module, codec: Codec, batch: Batch, plan: TrainingPlan, device: torch.device
) -> Validation:
    """Read images with a network in evaluation mode, in float32 on every device."""
    images, texts = with_channels(batch[0], plan.problem.channels), batch[1]
    right, logits_kept = 0, []
    for start in range(0, len(texts), _BATCH):
        part = slice(start, start + _BATCH)
        logits = _logits(network, images[part], plan, device)
        right += sum(a == b for a, b in zip(codec.decode(logits).texts(), texts[part], strict=True))
        room = calibration.enough(logits[0].size) - start
        if room > 0:
            logits_kept.append(logits[:room])
    first = np.concatenate(logits_kept) if logits_kept else np.zeros((0, 0, 0), np.float32)
    return Validation(len(texts), right, first, texts[: len(first)])


def _logits(
    network: nn.Module, images: Images, plan: TrainingPlan, device: torch.device
) -> npt.NDArray[np.float32]:
    with torch.inference_mode():
        inputs = devices.normalised(devices.upload(images, device), plan.scaling.mean, plan.scaling.std)
        logits: npt.NDArray[np.float32] = network(inputs).cpu().numpy()
    return logits
