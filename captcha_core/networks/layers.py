"""Layers that several networks share."""

import torch
from torch import nn
from torch.nn.utils import fusion


class ConvBlock(nn.Module):
    """Convolution, batch norm, ReLU: (N, C, H, W) to (N, C', H', W')."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.relu_(self.norm(self.convolution(features)))

    def fold(self) -> None:
        """Fold the batch norm, in evaluation mode, into the convolution's weights; for inference only."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.convolution = fusion.fuse_conv_bn_eval(self.convolution, self.norm)
            self.norm = nn.Identity()


class Residual(nn.Module):
    """features + block(features), with a kernel of odd sides, so that the shape (N, C, H, W) stays."""

    def __init__(self, width: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        # The attribute's name is part of the names of the weights in checkpoints.
        self.unit = ConvBlock(width, width, kernel, padding=(kernel[0] // 2, kernel[1] // 2))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = features + self.unit(features)
        return outputs


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """Fold every batch norm of a network into its convolution, in place, and return the network."""
    for module in network.modules():
        if isinstance(module, ConvBlock):
            module.fold()
    return network
