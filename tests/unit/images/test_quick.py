"""The quick decoders against Pillow: the same pixels, or a refusal that leaves the image to Pillow."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from captcha_core.errors import ImageError
from captcha_core.images import decoding, quick
from captcha_core.images.files import size_from_header

SIZE = (61, 23)


def picture(mode: str) -> Image.Image:
    rng = np.random.default_rng(7)
    smooth = np.linspace(0, 200, SIZE[0])[None, :, None] + np.linspace(0, 40, SIZE[1])[:, None, None]
    pixels = (smooth + rng.integers(0, 16, (SIZE[1], SIZE[0], 3))).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def by_pillow(data: bytes, *, grey: bool) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image.convert("L" if grey else "RGB"))
    return pixels[:, :, None] if grey else pixels


def gamma() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", (10_000).to_bytes(4, "big"))
    return info


PLAIN = {
    "png rgb": encoded(picture("RGB"), "PNG"),
    "png grey": encoded(picture("L"), "PNG"),
    "png uncompressed": encoded(picture("RGB"), "PNG", compress_level=0),
    "png with a gamma": encoded(picture("RGB"), "PNG", pnginfo=gamma()),
    "jpeg 4:2:0": encoded(picture("RGB"), "JPEG"),
    "jpeg 4:4:4": encoded(picture("RGB"), "JPEG", subsampling=0, quality=95),
    "jpeg progressive": encoded(picture("RGB"), "JPEG", progressive=True),
}
OTHER = {
    "png palette": encoded(picture("P"), "PNG"),
    "png alpha": encoded(picture("RGBA"), "PNG"),
    "png transparent colour": encoded(picture("RGB"), "PNG", transparency=(0, 0, 0)),
    "png bilevel": encoded(picture("1"), "PNG"),
    "png 16 bits": encoded(Image.fromarray(np.full(SIZE[::-1], 60_000, np.uint16)), "PNG"),
    "png animation": encoded(picture("RGB"), "PNG", save_all=True, append_images=[picture("RGB").rotate(9)]),
    "jpeg cmyk": encoded(picture("CMYK"), "JPEG"),
    "gif": encoded(picture("RGB"), "GIF"),
    "bmp": encoded(picture("RGB"), "BMP"),
    "webp": encoded(picture("RGB"), "WEBP"),
}


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize("kind", PLAIN)
def test_plain_images_have_pillows_pixels(kind: str, grey: bool) -> None:
    pixels = quick.decode(PLAIN[kind], SIZE, grey=grey)
    assert pixels is not None
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, by_pillow(PLAIN[kind], grey=grey))
    assert size_from_header(PLAIN[kind]) == SIZE


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize("kind", OTHER)
def test_all_others_are_left_to_pillow(kind: str, grey: bool) -> None:
    assert quick.decode(OTHER[kind], SIZE, grey=grey) is None
    assert decoding.decode(OTHER[kind], grey=grey).shape == (SIZE[1], SIZE[0], 1 if grey else 3)


def test_a_grey_jpeg_has_pillows_pixels() -> None:
    data = encoded(picture("L"), "JPEG")
    for grey in (True, False):
        pixels = quick.decode(data, SIZE, grey=grey)
        assert pixels is not None
        assert np.array_equal(pixels, by_pillow(data, grey=grey))


@pytest.mark.parametrize("kind", PLAIN)
def test_another_size_is_left_to_pillow_and_told(kind: str) -> None:
    assert quick.decode(PLAIN[kind], (60, 20), grey=True) is None
    pixels, own = decoding.decode_with_size(PLAIN[kind], (60, 20), grey=True)
    assert pixels.shape == (20, 60, 1)
    assert own == SIZE
    assert decoding.decode_with_size(PLAIN[kind], SIZE, grey=True)[1] == SIZE
    assert decoding.decode_with_size(OTHER["gif"], (60, 20), grey=True)[1] == SIZE


@pytest.mark.parametrize("kind", PLAIN)
def test_damage_gives_pillows_verdict(kind: str) -> None:
    """Whatever byte is wrong: where both read the image, they read the same."""
    rng = np.random.default_rng(3)
    whole = np.frombuffer(PLAIN[kind], np.uint8)
    read = 0
    for _ in range(300):
        data = whole.copy()
        data[rng.integers(len(data), size=2)] ^= rng.integers(1, 256, 2).astype(np.uint8)
        pixels = quick.decode(data.tobytes(), SIZE, grey=False)
        if pixels is not None:
            try:
                expected = by_pillow(data.tobytes(), grey=False)
            except (OSError, SyntaxError, ValueError):
                continue
            read += 1
            assert np.array_equal(pixels, expected)
    assert read or kind.startswith("png")  # a PNG has checksums, a JPEG has none


@pytest.mark.parametrize("kind", PLAIN)
def test_a_file_cut_short_is_refused_unless_all_its_pixels_are_there(kind: str) -> None:
    whole = decoding.decode(PLAIN[kind], SIZE)
    refused = 0
    for cut in np.linspace(1, len(PLAIN[kind]) - 1, 60).astype(int):
        try:
            pixels = decoding.decode(PLAIN[kind][:cut], SIZE)
        except ImageError:
            refused += 1
        else:
            assert np.array_equal(pixels, whole)
    assert refused > 50


def test_a_stated_size_beyond_the_bound_is_refused_before_it_unpacks() -> None:
    data = bytearray(PLAIN["png rgb"])
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    with pytest.raises(ImageError, match="over the limit"):
        decoding.decode(bytes(data))
