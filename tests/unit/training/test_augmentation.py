import io
import itertools

import numpy as np
import torch
from PIL import Image

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


def bar():
    """A bright bar, 4 wide and 16 high, in the middle of a dark image of 32×24."""
    image = torch.full((1, 1, 24, 32), -1.0)
    image[:, :, 4:20, 14:18] = 1
    return image


def moments(image):
    """Width, height and covariance of what is bright, in pixels."""
    weights = (image[0, 0] + 1) / 2
    ys, xs = torch.meshgrid(torch.arange(24.0) - 11.5, torch.arange(32.0) - 15.5, indexing="ij")
    total = weights.sum()
    x, y = (weights * xs).sum() / total, (weights * ys).sum() / total
    wide, high = (weights * (xs - x) ** 2).sum() / total, (weights * (ys - y) ** 2).sum() / total
    slant = (weights * (xs - x) * (ys - y)).sum() / total
    return float(wide**0.5), float(high**0.5), float(slant / high)


def changed(image, seed, **changes):
    torch.manual_seed(seed)
    return apply(image, Augmentation(**STILL | changes), 0.5)


def test_rotation_turns_the_image_as_far_as_is_said_in_both_directions():
    slopes = [moments(changed(bar(), seed, rotation=20))[2] for seed in range(200)]
    # Of a bar that is turned by an angle, the covariance over the height's variance is about its tangent.
    assert 0.25 < max(slopes) < 0.40
    assert -0.40 < min(slopes) < -0.25


def test_rotation_keeps_shapes_on_images_wider_than_high():
    before = moments(bar())
    quarter = [moments(changed(bar(), seed, rotation=180)) for seed in range(300)]
    flattest = min(quarter, key=lambda moment: moment[1])
    assert abs(flattest[0] - before[1]) < 0.3  # lying down, it is as wide as it was high
    assert abs(flattest[1] - before[0]) < 0.3


def test_scale_changes_width_and_height_on_their_own():
    wide, high, _ = moments(bar())
    seen = [moments(changed(bar(), seed, scale=0.2)) for seed in range(200)]
    assert 1.15 < max(moment[0] for moment in seen) / wide < 1.3
    assert 0.75 < min(moment[1] for moment in seen) / high < 0.85
    assert any(moment[0] > wide * 1.05 and moment[1] < high * 0.95 for moment in seen)


def test_shear_is_pixels_sideways_a_pixel_of_height():
    seen = [moments(changed(bar(), seed, shear=0.3)) for seed in range(200)]
    assert 0.25 < max(abs(moment[2]) for moment in seen) < 0.32
    assert all(abs(moment[1] - moments(bar())[1]) < 0.2 for moment in seen)  # no taller for it


def test_elastic_moves_pixels_smoothly_and_not_all_alike():
    ramp = torch.arange(64.0).repeat(1, 1, 48, 1) / 64  # its values say where a pixel came from
    fields = [(changed(ramp, seed, elastic=3) - ramp)[0, 0, 8:-8, 8:-8] * 64 for seed in range(10)]
    moved = max(fields, key=lambda field: field.std())
    assert moved.std() > 0.7
    steepest = max((moved[:, 1:] - moved[:, :-1]).abs().max(), (moved[1:] - moved[:-1]).abs().max())
    assert steepest < moved.abs().max() / 3


def test_blur_softens_an_edge_and_keeps_what_is_flat():
    soft = [changed(bar(), seed, blur=1) for seed in range(20)]
    assert 0.2 < min(float(image[0, 0, 12, 14]) for image in soft) < 1
    assert all(torch.allclose(image[:, :, :, :8], bar()[:, :, :, :8], atol=1e-6) for image in soft)


def test_jpeg_is_near_the_image_and_near_what_pillow_makes_of_it():
    rng = np.random.default_rng(0)
    smooth = np.kron(rng.integers(0, 256, (4, 6)), np.ones((8, 8))) / 2 + rng.normal(64, 20, (32, 48))
    pixels = smooth.clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=30)
    expected = np.asarray(Image.open(file)).astype(np.float32)
    scaled = torch.from_numpy(pixels / 127.5 - 1).float()[None, None]
    ours = torch.cat([changed(scaled, seed, jpeg=30) for seed in range(100)])[:, 0].numpy() * 127.5 + 127.5
    nearest = min(np.abs(image - expected).mean() for image in ours)
    assert nearest < 2.5 < np.abs(pixels - expected).mean()
    assert np.abs(ours - pixels).mean() < 15


def test_jpeg_takes_images_that_are_no_multiple_of_a_block():
    assert changed(torch.rand(2, 3, 13, 21), 0, jpeg=50).shape == (2, 3, 13, 21)


def test_inversion_strikes_its_share_and_keeps_the_mean():
    many = bar().repeat(300, 1, 1, 1)
    inverted = changed(many, 0, invert=0.3)
    struck = inverted[:, 0, 12, 15] < inverted[:, 0, 0, 0]
    assert 60 < int(struck.sum()) < 120
    torch.testing.assert_close(inverted.mean((1, 2, 3)), many.mean((1, 2, 3)))


def test_colours_change_channel_by_channel_and_grey_does_not():
    colours = changed(images(), 0, colour=0.5)
    ratios = (colours - images().mean((1, 2, 3), keepdim=True)) / (
        images() - images().mean((1, 2, 3), keepdim=True)
    )
    assert (ratios[:, :1] - ratios[:, 1:2]).abs().max() > 0.05
    torch.testing.assert_close(changed(bar(), 0, colour=0.5), bar())


def test_changes_that_are_off_draw_nothing():
    """So that runs of `capq train --augment` end as they did before there were the others."""
    torch.manual_seed(4)
    usual = apply(images(), Augmentation(shift=0), 0.5)
    torch.manual_seed(4)
    contrast, brightness, noise = (torch.rand(6, 1, 1, 1) * 2 - 1 for _ in range(3))
    grain = torch.randn_like(images()) * 0.02 / 0.5 * noise.abs()
    means = images().mean((1, 2, 3), keepdim=True)
    expected = (images() - means) * (1 + 0.2 * contrast) + means + 0.1 / 0.5 * brightness + grain
    torch.testing.assert_close(usual, expected)


def test_all_changes_together_follow_the_seed():
    everything = {
        "rotation": 5, "scale": 0.1, "shear": 0.1, "elastic": 1, "blur": 0.5, "jpeg": 40, "invert": 0.5,
        "colour": 0.2, "shift": 2, "noise": 0.05,
    }  # fmt: skip
    first, again, other = (changed(images(), seed, **everything) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.isfinite(first).all()
