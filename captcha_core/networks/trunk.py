"""The trunk of the small networks: an image becomes a row of feature columns.

A patch stem (8×8, stride 4) takes most of the work out of the large early maps: 24 million
multiplications at 170×80, a twentieth of the origin's network, at a higher accuracy.
"""

import torch
from torch import nn

from ..errors import TrainingError
from .layers import Residual, Unit
from .problem import Problem, TrunkSettings

_STEM, _STRIDE = 8, 4


class Trunk(nn.Module):
    """Images (N, channels, H, W) to columns (N, width, T).

    Attributes
    ----------
    width
        Features a column.
    columns
        T, which `column_count` gives.

    Raises
    ------
    TrainingError
        When the image is smaller than the stem.
    """

    def __init__(self, problem: Problem, settings: TrunkSettings, column: int) -> None:
        super().__init__()
        stem, second, third, fourth = settings.channels
        self.width = fourth
        self.columns = column_count(problem.size, column)
        rows = _halved(_halved(_patches(problem.size[1])))
        self.stages = nn.Sequential(
            Unit(problem.channels, stem, _STEM, _STRIDE),
            Unit(stem, second, 3, (2, column // _STRIDE), 1),
            *[Residual(second, (3, 3)) for _ in range(settings.blocks)],
            Unit(second, third, 3, (2, 1), 1),
            Unit(third, fourth, (rows, 1)),  # the height becomes 1, whatever it was
            *[Residual(fourth, (1, 5)) for _ in range(settings.context)],
        )
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.dropout(self.stages(images).squeeze(2))
        return features


def column_count(size: tuple[int, int], column: int) -> int:
    """Return how many columns an image of (width, height) gives at 4 or 8 pixels a column.

    Raises
    ------
    TrainingError
        When the image is smaller than the stem.
    """
    if min(size) < _STEM:
        raise TrainingError(
            f"images of {size[0]}×{size[1]} are too small: this network needs at least {_STEM}×{_STEM}"
        )
    patches = _patches(size[0])
    return _halved(patches) if column == 8 else patches


def _patches(pixels: int) -> int:
    return (pixels - _STEM) // _STRIDE + 1


def _halved(cells: int) -> int:
    return (cells - 1) // 2 + 1
