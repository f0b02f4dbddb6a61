"""Augmentation on the device: changes of geometry, light and quality, drawn anew per image.

A change that is off draws no random numbers, so that adding one leaves the others' results as they are.
"""

import functools
import math

import torch
from torch.nn import functional

from .plan import Augmentation

_ELASTIC_CELL = 16  # pixels between the points that a displacement field is drawn at
_BLOCK = 8  # pixels of a JPEG block's side
# The luminance table of the JPEG standard (ITU-T T.81, table K.1), for quality 50.
_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def apply(images: torch.Tensor, changes: Augmentation, std: float) -> torch.Tensor:
    """Return changed copies of scaled images (N, C, H, W), float32.

    Draws come from PyTorch's global generators, which the caller seeds at each step.

    Parameters
    ----------
    std
        The scaling's, which turns shares of the full range into the images' units.
    """
    images = _shifted(images, changes.shift)
    if changes.rotation or changes.scale or changes.shear or changes.elastic:
        images = _warped(images, changes)
    if changes.blur:
        images = _blurred(images, changes.blur)
    images = _relit(images, changes, std)
    return _quantised(images, changes.jpeg, std) if changes.jpeg else images


def _relit(images: torch.Tensor, changes: Augmentation, std: float) -> torch.Tensor:
    """Change contrast, brightness, polarity and colours, and add noise."""
    count = len(images)
    means = images.mean((1, 2, 3), keepdim=True)
    contrast = 1 + changes.contrast * _uniform(count, images.device)
    brightness = changes.brightness / std * _uniform(count, images.device)
    noise = changes.noise / std * _uniform(count, images.device).abs()
    grain = torch.randn_like(images) * noise
    if changes.invert:
        contrast = torch.where(_chance(count, images.device) < changes.invert, -contrast, contrast)
    if changes.colour and images.shape[1] > 1:
        contrast = contrast * (1 + changes.colour * _uniform(count, images.device, images.shape[1]))
    return (images - means) * contrast + means + brightness + grain


def _shifted(images: torch.Tensor, most: int) -> torch.Tensor:
    if not most:
        return images
    count, _, height, width = images.shape
    device = images.device
    by = torch.randint(-most, most + 1, (2, count, 1), device=device)
    rows = (torch.arange(height, device=device) + by[0]).clamp(0, height - 1)
    columns = (torch.arange(width, device=device) + by[1]).clamp(0, width - 1)
    image = torch.arange(count, device=device)[:, None, None]
    # Indexing around the channels puts them last, which is where they lie in memory.
    return images[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _warped(images: torch.Tensor, changes: Augmentation) -> torch.Tensor:
    """Rotate, scale, shear and displace, in one resampling; the edge is repeated."""
    count, _, height, width = images.shape
    grid = functional.affine_grid(
        _matrices(count, changes, width / height, images.device), list(images.shape), align_corners=False
    )
    if changes.elastic:
        grid = grid + _displacements(count, (height, width), changes.elastic, images.device)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _matrices(count: int, changes: Augmentation, aspect: float, device: torch.device) -> torch.Tensor:
    """Draw affine maps (N, 2, 3) from the output's coordinates, -1 to 1 a side, to the input's."""
    turn = math.radians(changes.rotation) * _uniform(count, device).view(count)
    slant = changes.shear * _uniform(count, device).view(count)
    wide, high = 1 / (1 + changes.scale * _uniform(count, device, 2).view(count, 2).T)
    cosine, sine = turn.cos(), turn.sin()
    zero = torch.zeros(count, device=device)
    # A pixel is 1 / aspect as large a share of the width as of the height.
    rows = [
        torch.stack((cosine * wide, (slant * cosine - sine) * wide / aspect, zero), 1),
        torch.stack((sine * high * aspect, (slant * sine + cosine) * high, zero), 1),
    ]
    return torch.stack(rows, 1)


def _displacements(count: int, size: tuple[int, int], greatest: float, device: torch.device) -> torch.Tensor:
    """Draw smooth fields (N, H, W, 2) of displacements, in coordinates of -1 to 1 a side."""
    cells = [2 + side // _ELASTIC_CELL for side in size]
    coarse = torch.randn(count, 2, *cells, device=device) * greatest * _chance(count, device)
    field = functional.interpolate(coarse, size, mode="bicubic", align_corners=True)
    pixels = torch.tensor([2 / size[1], 2 / size[0]], device=device)
    return field.permute(0, 2, 3, 1) * pixels


def _blurred(images: torch.Tensor, most: float) -> torch.Tensor:
    """Mix each image with its Gaussian blur of one pixel."""
    channels = images.shape[1]
    taps = torch.exp(-(torch.arange(-2.0, 3, device=images.device) ** 2) / 2)
    kernel = torch.outer(taps, taps) / taps.sum() ** 2
    padded = functional.pad(images, (2, 2, 2, 2), mode="replicate")
    blurred = functional.conv2d(padded, kernel.expand(channels, 1, 5, 5), groups=channels)
    return images.lerp(blurred, most * _chance(len(images), images.device))


def _quantised(images: torch.Tensor, lowest: int, std: float) -> torch.Tensor:
    """Round the coefficients of 8×8 blocks as JPEG does, at a quality drawn for each image."""
    count, channels, height, width = images.shape
    padded = functional.pad(images, (0, -width % _BLOCK, 0, -height % _BLOCK), mode="replicate")
    blocks = padded.unfold(2, _BLOCK, _BLOCK).unfold(3, _BLOCK, _BLOCK)  # (N, C, rows, columns, 8, 8)
    cosines = _cosines().to(images.device)
    quality = lowest + (100 - lowest) * _chance(count, images.device)
    strength = torch.where(quality < 50, 50 / quality, 2 - quality / 50).view(count, 1, 1, 1, 1, 1)
    steps = (torch.tensor(_LUMINANCE, device=images.device) * strength).clamp(min=1) / (255 * std)
    rounded = (cosines @ blocks @ cosines.T / steps).round() * steps
    pixels = (cosines.T @ rounded @ cosines).transpose(3, 4).reshape(count, channels, *padded.shape[2:])
    return pixels[:, :, :height, :width].contiguous(memory_format=torch.channels_last)


@functools.cache
def _cosines() -> torch.Tensor:
    """Return the orthonormal matrix (8, 8) of the discrete cosine transform."""
    places = torch.arange(_BLOCK, dtype=torch.float32)
    matrix = torch.cos((2 * places + 1) * places[:, None] * math.pi / (2 * _BLOCK))
    matrix[0] /= math.sqrt(2)
    return matrix * math.sqrt(2 / _BLOCK)


def _uniform(count: int, device: torch.device, channels: int = 1) -> torch.Tensor:
    """Draw numbers from -1 to 1."""
    return torch.rand(count, channels, 1, 1, device=device) * 2 - 1


def _chance(count: int, device: torch.device) -> torch.Tensor:
    """Draw numbers from 0 to 1."""
    return torch.rand(count, 1, 1, 1, device=device)
