"""Image files depend on the pixels and the spec alone."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from captcha_core.rendering import Images, encoding, open_renderer
from captcha_core.spec import Spec


@pytest.fixture
def images() -> Images:
    return open_renderer(Spec(), "pillow").batch(1, 0, 0, 5)[0]


def test_png_keeps_every_pixel(images: Images) -> None:
    spec = Spec.make(image_format="png")

    for image in images:
        with Image.open(io.BytesIO(encoding.encode(image, spec))) as read:
            assert (read.format, read.mode) == ("PNG", "RGB")
            assert np.array_equal(np.asarray(read), image)


def test_jpeg_is_near_and_420(images: Images) -> None:
    for image in images:
        data = encoding.encode(image, Spec())
        with Image.open(io.BytesIO(data)) as read:
            assert (read.format, read.size) == ("JPEG", (170, 80))
            assert [layer[1:3] for layer in read.layer] == [(2, 2), (1, 1), (1, 1)]
            assert np.abs(np.asarray(read).astype(int) - image).mean() < 6


def test_quality_counts(images: Images) -> None:
    sizes = [len(encoding.encode(images[0], Spec.make(quality=quality))) for quality in (20, 60, 95)]

    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 3


@pytest.mark.parametrize("image_format", ["jpeg", "png"])
def test_bytes_depend_on_the_pixels_alone(images: Images, image_format: str) -> None:
    spec = Spec.make(image_format=image_format)
    strided = np.repeat(images[0], 2, axis=1)[:, ::2]

    assert encoding.encode(images[0], spec) == encoding.encode(strided, spec)
    assert encoding.encode(images[0], spec) == encoding.encode(images[0].copy(), spec)


@pytest.mark.parametrize("width", [16, 17, 300])
def test_any_width(width: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, width, 3), np.uint8)

    with Image.open(io.BytesIO(encoding.png(image))) as read:
        assert np.array_equal(np.asarray(read), image)
    with Image.open(io.BytesIO(encoding.jpeg(image, 90))) as read:
        assert read.size == (width, 40)


def test_jpeg_bytes_are_these() -> None:
    """A change here changes every dataset's digests: libjpeg-turbo's or ours."""
    image = np.arange(32 * 48 * 3, dtype=np.uint32).reshape(32, 48, 3).astype(np.uint8)

    assert hashlib.sha256(encoding.jpeg(image, 95)).hexdigest()[:16] == "4e99d701912a32d0"
