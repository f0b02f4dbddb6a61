"""Augmentation on the device: shifts, contrast, brightness and noise, drawn anew per image."""

import torch

from .plan import Augmentation


def apply(images: torch.Tensor, changes: Augmentation, std: float) -> torch.Tensor:
    """Return changed copies of scaled images (N, C, H, W), float32.

    Draws come from PyTorch's global generators, which the caller seeds at each step.

    Parameters
    ----------
    std
        The scaling's, which turns shares of the full range into the images' units.
    """
    images = _shifted(images, changes.shift)
    count = len(images)
    means = images.mean((1, 2, 3), keepdim=True)
    contrast = 1 + changes.contrast * _uniform(count, images.device)
    brightness = changes.brightness / std * _uniform(count, images.device)
    noise = changes.noise / std * _uniform(count, images.device).abs()
    return (images - means) * contrast + means + brightness + torch.randn_like(images) * noise


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


def _uniform(count: int, device: torch.device) -> torch.Tensor:
    return torch.rand(count, 1, 1, 1, device=device) * 2 - 1
