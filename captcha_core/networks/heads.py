"""`heads`: the same trunk with one attention head a position, for comparison with `ctc`."""

import torch
from torch import nn

from .problem import Problem, TrunkSettings
from .trunk import Trunk


class PositionHeads(nn.Module):
    """Columns (N, width, T) to logits (N, L, classes).

    Each position has a query and a learned preference over columns; what it attends to is
    classified by weights of its own.
    """

    def __init__(self, positions: int, width: int, columns: int, classes: int) -> None:
        super().__init__()
        self.query = nn.Conv1d(width, positions, 1, bias=False)
        self.place = nn.Parameter(torch.zeros(positions, columns))
        self.weight = nn.Parameter(torch.randn(positions, width, classes) / width**0.5)
        self.bias = nn.Parameter(torch.zeros(positions, classes))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        attention = (self.query(features) + self.place).softmax(-1)
        attended = attention @ features.transpose(1, 2)  # (N, L, width)
        logits: torch.Tensor = torch.einsum("nlw,lwc->nlc", attended, self.weight) + self.bias
        return logits


class HeadsNetwork(nn.Module):
    """Images (N, channels, H, W) to logits (N, longest text, classes)."""

    def __init__(self, problem: Problem, settings: TrunkSettings, classes: int) -> None:
        super().__init__()
        self.trunk = Trunk(problem, settings, settings.column or 8)
        self.head = PositionHeads(problem.lengths[1], self.trunk.width, self.trunk.columns, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.trunk(images))
        return logits
