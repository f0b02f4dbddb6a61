import itertools

import torch

from captcha_core.training import Augmentation
from captcha_core.training.augmentation import apply

STILL = {"shift": 0, "contrast": 0, "brightness": 0, "noise": 0}


def images():
    return torch.rand(6, 3, 9, 11, generator=torch.Generator().manual_seed(0)).contiguous(
        memory_format=torch.channels_last
    )


def test_no_change_is_no_change():
    torch.testing.assert_close(apply(images(), Augmentation(**STILL), 0.5), images())


def test_shifts_stay_in_bounds_and_repeat_the_edge():
    torch.manual_seed(1)
    moved = apply(images(), Augmentation(**STILL | {"shift": 1}), 0.5)
    padded = torch.nn.functional.pad(images(), (1, 1, 1, 1), mode="replicate")
    found = set()
    for image, result in zip(padded, moved, strict=True):
        places = [
            (y, x)
            for y, x in itertools.product(range(3), repeat=2)
            if torch.allclose(image[:, y : y + 9, x : x + 11], result, atol=1e-6)
        ]
        assert len(places) == 1
        found.update(places)
    assert len(found) > 1


def test_draws_follow_the_seed_and_differ_by_image():
    changed = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        changed.append(apply(torch.ones(4, 1, 8, 8), Augmentation(), 0.5))
    assert torch.equal(changed[0], changed[1])
    assert not torch.equal(changed[0], changed[2])
    assert not torch.equal(changed[0][0], changed[0][1])
    assert changed[0].shape == (4, 1, 8, 8)


def test_brightness_is_a_share_of_the_full_range():
    torch.manual_seed(0)
    flat = torch.zeros(200, 1, 2, 2)
    change = apply(flat, Augmentation(**STILL | {"brightness": 0.1}), std=0.5)[:, 0, 0, 0]
    assert 0.15 < change.abs().max() <= 0.2  # a tenth of the full range, which std 0.5 makes 2 wide
