"""Reading unlabelled images, and copies of them: a text counts where the copies have it too.

A network that has learnt a few images by heart is confident of wrong texts, but seldom of the same one
in changed copies. That all shall agree is an idea of FixMatch (Sohn et al., 2020), which trains on it;
here it chooses what is trained on.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from ..codecs.codec import Codec
from ..networks import devices
from . import augmentation
from .data import Images
from .plan import Augmentation, SelfTraining, TrainingPlan
from .pseudo_labels import Text

_BATCH = 250


def read(
    images: Images,
    paths: Sequence[str],
    network: nn.Module,
    codec: Codec,
    plan: TrainingPlan,
    rule: SelfTraining,
) -> list[Text]:
    """Read images and augmented copies of them.

    The copies' changes are drawn from PyTorch's global generators, which the caller seeds.

    Parameters
    ----------
    images, paths
        uint8 (N, H, W, channels) of the network's size, and the N names.
    network, codec
        In evaluation mode, with the temperature that calibrates it.
    """
    device = next(network.parameters()).device
    texts = list[Text]()
    for start in range(0, len(paths), _BATCH):
        part = slice(start, start + _BATCH)
        inputs = devices.normalised(
            devices.upload(np.array(images[part]), device), plan.scaling.mean, plan.scaling.std
        )
        texts += _read(inputs, paths[part], network, codec, plan, rule.copies)
    return texts


@torch.inference_mode()
def _read(
    inputs: torch.Tensor,
    paths: Sequence[str],
    network: nn.Module,
    codec: Codec,
    plan: TrainingPlan,
    copies: int,
) -> list[Text]:
    decoded = codec.decode(network(inputs).cpu().numpy())
    own = decoded.texts()
    agreeing = np.zeros(len(own))
    for _ in range(copies):
        changed = augmentation.apply(inputs, plan.augmentation or Augmentation(), plan.scaling.std)
        copied = codec.decode(network(changed).cpu().numpy()).texts()
        agreeing += [text == copy for text, copy in zip(own, copied, strict=True)]
    agreement = agreeing / copies if copies else np.ones(len(own))
    answers = zip(paths, own, decoded.confidence.tolist(), agreement.tolist(), strict=True)
    return [
        Text(path=path, text=text, confidence=round(confidence, 6), agreement=share)
        for path, text, confidence, share in answers
    ]
