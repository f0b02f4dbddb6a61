"""A network as others run it: bytes in, logits out, nothing to prepare but the images' size."""

import torch
from torch import nn

from ..networks.checkpoint import Checkpoint, Scaling
from ..networks.layers import fold_batch_norms


class ByteInput(nn.Module):
    """uint8 images (N, H, W, C) to float32 logits (N, T, classes).

    Batch norms are folded, and so is the scaling of the input wherever that is exact: a first
    convolution without padding takes it into its weights and bias.
    """

    def __init__(self, network: nn.Module, scaling: Scaling) -> None:
        super().__init__()
        self.network = fold_batch_norms(network)
        self.factor, self.shift = 1 / (255 * scaling.std), scaling.mean / scaling.std
        first = next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
        self.scaled = first.padding != (0, 0)
        if not self.scaled:
            _absorb(first, self.factor, self.shift)

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> "ByteInput":
        """Return a checkpoint's network on the CPU."""
        network = cls(checkpoint.network(), checkpoint.model.scaling).eval()
        for parameter in network.parameters():
            parameter.requires_grad_(False)
        return network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        inputs = images.permute(0, 3, 1, 2).float()
        if self.scaled:
            inputs = inputs * self.factor - self.shift
        logits: torch.Tensor = self.network(inputs)
        return logits


def example(checkpoint: Checkpoint) -> torch.Tensor:
    """Return a batch of two black images, to trace a network with."""
    width, height = checkpoint.model.problem.size
    return torch.zeros(2, height, width, checkpoint.model.problem.channels, dtype=torch.uint8)


def _absorb(layer: nn.Conv2d, factor: float, shift: float) -> None:
    """Make layer(x) what layer(factor · x - shift) was."""
    weight = layer.weight.detach().double()
    bias = torch.zeros(len(weight), dtype=torch.float64) if layer.bias is None else layer.bias.detach()
    layer.bias = nn.Parameter((bias - shift * weight.sum((1, 2, 3))).float())
    layer.weight = nn.Parameter((weight * factor).float())
