"""`heads`: the trunk of `ctc` with one attention head a position, for comparison with it."""

import torch
from torch import nn

from .problem import Problem, TrunkSettings
from .trunk import Trunk


class PositionHeads(nn.Module):
    """Maps columns (N, width, T) to logits (N, L, classes), one for each position of the text.

    Each position attends to the columns with a query and a learned bias of its own, and classifies
    the attended features with weights of its own.
    """

    def __init__(self, positions: int, width: int, columns: int, classes: int) -> None:
        super().__init__()
        self.query = nn.Conv1d(width, positions, 1, bias=False)
        # The bias of the attention; the name is part of the names of the weights in checkpoints.
        self.place = nn.Parameter(torch.zeros(positions, columns))
        self.weight = nn.Parameter(torch.randn(positions, width, classes) / width**0.5)
        self.bias = nn.Parameter(torch.zeros(positions, classes))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        attention = (self.query(features) + self.place).softmax(-1)
        attended = attention @ features.transpose(1, 2)  # (N, L, width)
        logits: torch.Tensor = torch.einsum("nlw,lwc->nlc", attended, self.weight) + self.bias
        return logits


class HeadsNetwork(nn.Module):
    """Maps images (N, channels, H, W) to logits (N, longest text, classes)."""

    def __init__(self, problem: Problem, settings: TrunkSettings, classes: int) -> None:
        super().__init__()
        self.trunk = Trunk(problem, settings, settings.column or 8)
        self.head = PositionHeads(problem.lengths[1], self.trunk.width, self.trunk.columns, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.trunk(images))
        return logits
