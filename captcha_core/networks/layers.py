"""Layers that several networks share."""

import torch
from torch import nn
from torch.nn.utils import fusion


class Unit(nn.Module):
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
        """Put the batch norm's fixed scale into the convolution; for inference only."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.convolution = fusion.fuse_conv_bn_eval(self.convolution, self.norm)
            self.norm = nn.Identity()


class Residual(nn.Module):
    """x + unit(x), with a kernel of odd sides and the shape unchanged."""

    def __init__(self, width: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.unit = Unit(width, width, kernel, padding=(kernel[0] // 2, kernel[1] // 2))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = features + self.unit(features)
        return result


def fold(network: nn.Module) -> nn.Module:
    """Fold every batch norm of a network in evaluation mode, in place, and return it."""
    for module in network.modules():
        if isinstance(module, Unit):
            module.fold()
    return network
