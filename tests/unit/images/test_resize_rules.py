import io

import numpy as np
import pytest
from PIL import Image

from captcha_core.images import decoding
from captcha_core.images.decoding import decode, decode_with_size
from captcha_core.images.pixels import padded
from captcha_core.images.resize_rules import PADDED, STRETCHED, scaled_size


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width, height):
    return Image.fromarray(np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("own", "inside"),
    [
        ((96, 32), (192, 64)),  # enlarged, the same aspect
        ((100, 30), (192, 58)),  # as wide as the canvas
        ((60, 60), (64, 64)),  # as high
        ((440, 80), (192, 35)),
        ((5000, 3), (192, 1)),  # a side does not vanish
    ],
)
def test_padded_images_keep_their_aspect(own, inside):
    assert scaled_size(own, (192, 64), PADDED) == inside
    assert scaled_size(own, (192, 64), STRETCHED) == (192, 64)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
@pytest.mark.parametrize("grey", [True, False])
def test_a_padded_image_is_pillows_in_the_middle_of_the_colour_of_its_border(kind, grey):
    data = encoded(noise(100, 60), kind)
    mode = "L" if grey else "RGB"
    with Image.open(io.BytesIO(data)) as image:
        image.draft(mode, image.size)  # a JPEG has its grey in the file
        scaled = np.asarray(image.convert(mode).resize((80, 48), Image.Resampling.BILINEAR))
    scaled = scaled[:, :, None] if grey else scaled
    pixels, own = decode_with_size(data, (91, 48), grey=grey, rule=PADDED)
    assert own == (100, 60)
    assert np.array_equal(pixels[:, 5:85], scaled)
    border = np.concatenate([scaled[0], scaled[-1], scaled[:, 0], scaled[:, -1]])
    assert len(border) % 2 == 0
    colour = np.sort(border, axis=0)[len(border) // 2]
    assert (pixels[:, :5] == colour).all()
    assert (pixels[:, 85:] == colour).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("size", [(31, 17), (80, 60), (192, 64), (300, 50)])
@pytest.mark.parametrize("rule", [STRETCHED, PADDED])
@pytest.mark.parametrize("grey", [True, False])
def test_the_quick_way_to_another_size_has_pillows_pixels(monkeypatch, kind, mode, size, rule, grey):
    data = encoded(noise(100, 60).convert(mode), kind)
    quickly = decode(data, size, grey=grey, rule=rule)
    monkeypatch.setattr(decoding, "size_from_header", lambda data: None)  # as of a format without a quick way
    assert np.array_equal(quickly, decode(data, size, grey=grey, rule=rule))


def test_a_margin_looks_like_the_background_whatever_touches_the_border():
    image = np.full((20, 30, 1), 200, np.uint8)
    image[8:12] = 10  # a line from side to side
    canvas = padded(image, (60, 20))
    assert (canvas[:, :15] == 200).all()
    assert (canvas[:, 45:] == 200).all()
    assert np.array_equal(canvas[:, 15:45], image)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("rule", [STRETCHED, PADDED])
def test_an_image_of_the_networks_size_is_the_same_under_every_rule(kind, rule):
    data = encoded(noise(64, 32), kind)
    assert np.array_equal(decode(data, (64, 32), grey=True, rule=rule), decode(data, grey=True))


def test_a_large_jpeg_is_scaled_down_and_padded():
    ramp = np.linspace(0, 255, 1280, dtype=np.uint8)
    data = encoded(Image.fromarray(np.tile(ramp, (640, 1))), "JPEG", quality=95)
    pixels = decode(data, (100, 32), grey=True, rule=PADDED)
    assert pixels.shape == (32, 100, 1)
    inside = pixels[:, 18:82, 0].astype(int)
    assert np.abs(inside - np.linspace(2, 253, 64)).max() < 6
