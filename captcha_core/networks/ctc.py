"""`ctc`, the default network: a linear classifier over the trunk's columns, decoded with CTC."""

import torch
from torch import nn

from ..errors import TrainingError
from .problem import Problem, TrunkSettings
from .trunk import Trunk, column_count


class CtcNetwork(nn.Module):
    """Maps images (N, channels, H, W) to logits (N, T, classes), one for each column of the image.

    Raises
    ------
    TrainingError
        When the image is too narrow to hold the longest text, even at 4 pixels a column.
    """

    def __init__(self, problem: Problem, settings: TrunkSettings, classes: int) -> None:
        super().__init__()
        self.trunk = Trunk(problem, settings, _column_width(problem, settings))
        self.head = nn.Linear(self.trunk.width, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.trunk(images).transpose(1, 2))
        return logits


def columns_needed(problem: Problem) -> int:
    """Return the columns that the longest text may need: equal neighbours have a blank between them."""
    return 2 * problem.lengths[1] - 1


def _column_width(problem: Problem, settings: TrunkSettings) -> int:
    """Return the pixels a column: as set, else the most that give enough columns."""
    needed = columns_needed(problem)
    choices = [settings.column] if settings.column else [8, 4]
    for pixels in choices:
        if column_count(problem.size, pixels) >= needed:
            return pixels
    columns = column_count(problem.size, choices[-1])
    finer = " or set column=4" if choices == [8] else ""
    raise TrainingError(
        f"images {problem.size[0]} pixels wide give {columns} columns, and texts of {problem.lengths[1]} "
        f"characters need {needed}: train on wider images (a network scales what it reads to its size){finer}"
    )
