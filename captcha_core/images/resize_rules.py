"""The rules by which an image of any size is fitted to a network's input size, by the names in checkpoints.

This module imports neither numpy nor Pillow: a network's description names its rule.
"""

from typing import Literal

ResizeRule = Literal["pillow-bilinear", "pillow-bilinear-padded"]

STRETCHED: ResizeRule = "pillow-bilinear"
"""Scaled bilinearly to the input's width and height, whatever its aspect."""

PADDED: ResizeRule = "pillow-bilinear-padded"
"""Scaled bilinearly to fit inside, aspect kept, and padded on both sides by `pixels.padded`."""


def scaled_size(own: tuple[int, int], size: tuple[int, int], rule: ResizeRule) -> tuple[int, int]:
    """Return what an image of the size `own` is scaled to, before it is padded to `size`.

    Sizes are width and height in pixels. A side is at least one pixel.

    Raises
    ------
    ValueError
        When the image has no pixels.
    """
    if not all(own):
        raise ValueError("it has no pixels")
    if rule == STRETCHED:
        return size
    scale = min(size[0] / own[0], size[1] / own[1])
    width, height = (max(1, min(most, round(side * scale))) for side, most in zip(own, size, strict=True))
    return width, height
