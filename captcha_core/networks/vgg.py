"""`vgg`: the network of the blog post that this project started from, kept to reproduce its figures.

Source: ypwhs/captcha_break, a Keras model of 2017: four stages of two valid 3×3 convolutions with
ReLU and 2×2 max pooling, dropout 0.25 after flattening, one dense layer a position. 1,536 features
and 1,393,584 parameters at 170×80 with four of 36 characters.

Weights are initialised after He et al. (2015), not after Glorot as in Keras: the published model
took bytes of 0 to 255 as input, which makes up for the signal that Glorot's initialisation loses
over nine layers. With inputs of -1 to 1, as here, its features would differ between images by
0.0025 only, and its loss would stay at that of guessing.
"""

import torch
from torch import nn

from ..errors import TrainingError
from .problem import Problem, VggSettings

_STAGES = (32, 64, 128, 256)


class VggNetwork(nn.Module):
    """Maps images (N, channels, H, W) to logits (N, longest text, classes).

    Raises
    ------
    TrainingError
        When the image is too small for four stages of valid convolutions.
    """

    def __init__(self, problem: Problem, settings: VggSettings, classes: int) -> None:
        super().__init__()
        width, height = (_side_after_stages(side) for side in problem.size)
        if min(width, height) < 1:
            raise TrainingError(
                f"images of {problem.size[0]}×{problem.size[1]} are too small for network vgg, "
                "which needs at least 76 pixels a side: use network ctc"
            )
        layers: list[nn.Module] = []
        inputs: int = problem.channels
        for outputs in _STAGES:
            layers += [nn.Conv2d(inputs, outputs, 3), nn.ReLU(inplace=True)]
            layers += [nn.Conv2d(outputs, outputs, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
            inputs = outputs
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(settings.dropout))
        self.positions = problem.lengths[1]
        self.head = nn.Linear(inputs * width * height, self.positions * classes)
        self.apply(_initialise_weights)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.trunk(images)).unflatten(1, (self.positions, -1))
        return logits


def _side_after_stages(side: int) -> int:
    """Return the length of a side of the last feature map, given that of the image."""
    for _ in _STAGES:
        side = (side - 4) // 2
    return side


def _initialise_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        relu = isinstance(module, nn.Conv2d)
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu" if relu else "linear")
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]
