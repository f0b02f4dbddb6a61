import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from captcha_core.errors import ImageError
from captcha_core.images.decoding import decode, read_size
from captcha_core.images.files import MAX_BYTES, read_file, size_from_header
from captcha_core.images.pixels import luma


def _encoded(image: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def _gradient() -> Image.Image:
    ramp = np.linspace(0, 255, 64, dtype=np.uint8)
    return Image.fromarray(
        np.stack(
            [np.tile(ramp, (32, 1)), np.full((32, 64), 40, np.uint8), np.tile(ramp[::-1], (32, 1))], axis=2
        )
    )


@pytest.mark.parametrize("image_format", ["PNG", "BMP", "WEBP", "GIF", "JPEG"])
def test_every_format_decodes_to_its_pixels(image_format: str) -> None:
    options = (
        {"lossless": True} if image_format == "WEBP" else {"quality": 95} if image_format == "JPEG" else {}
    )
    pixels = decode(_encoded(_gradient(), image_format, **options))
    assert pixels.shape == (32, 64, 3)
    assert pixels.dtype == np.uint8
    tolerance = {"GIF": 40, "JPEG": 12}.get(image_format, 0)
    assert np.abs(pixels.astype(int) - np.asarray(_gradient()).astype(int)).max() <= tolerance


def test_grey_is_pillows_luma() -> None:
    pixels = decode(_encoded(_gradient(), "PNG"), grey=True)
    assert pixels.shape == (32, 64, 1)
    assert (pixels[:, :, 0] == np.asarray(_gradient().convert("L"))).all()


def test_other_sizes_are_resized() -> None:
    assert decode(_encoded(_gradient(), "PNG"), (170, 80)).shape == (80, 170, 3)


def test_a_large_jpeg_is_scaled_down_to_the_size_asked_for() -> None:
    big = _gradient().resize((1280, 640))
    small = decode(_encoded(big, "JPEG", quality=95), (64, 32))
    assert small.shape == (32, 64, 3)
    assert np.abs(small.astype(int) - np.asarray(_gradient()).astype(int)).mean() < 4


def test_grey_of_16_bits_keeps_its_upper_eight() -> None:
    levels = np.linspace(0, 65535, 64 * 32, dtype=np.uint16).reshape(32, 64)
    data = _encoded(Image.fromarray(levels), "PNG")
    assert (decode(data, grey=True)[:, :, 0] == levels >> 8).all()
    assert (decode(data)[:, :, 1] == levels >> 8).all()


def test_a_transparent_level_of_16_bits_lies_on_white() -> None:
    levels = np.full((4, 4), 20_000, np.uint16)
    levels[1:3] = 70
    data = _encoded(Image.fromarray(levels), "PNG")
    place = data.find(b"IDAT") - 4
    chunk = b"tRNS" + struct.pack(">H", 20_000)
    chunk = struct.pack(">I", 2) + chunk + struct.pack(">I", zlib.crc32(chunk))
    pixels = decode(data[:place] + chunk + data[place:], grey=True)[:, :, 0]
    assert (pixels == np.where(levels == 70, 0, 255)).all()


def test_transparency_lies_on_white() -> None:
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert (decode(_encoded(clear, "PNG")) == 255).all()


def test_a_palette_with_a_transparent_colour_lies_on_white() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([10, 10, 10, 20, 20, 20])
    assert (decode(_encoded(image, "GIF", transparency=1)) == 255).all()


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    data = _encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    "data", [b"", b"hello, I am text", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff\xe0" + b"\0" * 20]
)
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(ImageError):
        decode(data)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "BMP"])
def test_a_file_cut_short_is_refused(image_format: str) -> None:
    whole = _encoded(_gradient().resize((300, 200)), image_format)
    with pytest.raises(ImageError):
        decode(whole[: len(whole) // 2])


def test_a_decompression_bomb_is_refused_before_it_unpacks() -> None:
    bomb = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0))
    bomb += _chunk(b"IDAT", zlib.compress(b"\0" * 1_000_000)) + _chunk(b"IEND", b"")
    with pytest.raises(ImageError, match="pixels"):
        decode(bomb)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_size_is_read_from_the_header_alone() -> None:
    whole = _encoded(_gradient(), "PNG")
    assert read_size(whole) == read_size(whole[: len(whole) // 2]) == (64, 32)
    with pytest.raises(ImageError):
        read_size(b"text")


def test_a_huge_file_is_refused_unread() -> None:
    with pytest.raises(ImageError, match="bytes"):
        decode(b"\0" * (MAX_BYTES + 1))


def test_a_tiff_is_refused_though_pillow_could_read_it() -> None:
    with pytest.raises(ImageError, match="not a PNG"):
        decode(_encoded(_gradient(), "TIFF"))


def test_a_file_is_read_whole_and_what_is_none_is_refused_at_once(tmp_path):
    (tmp_path / "a.png").write_bytes(b"abc" * 100_000)
    assert read_file(tmp_path / "a.png") == b"abc" * 100_000
    os.mkfifo(tmp_path / "pipe.png")  # whose opening would wait for somebody who writes
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    for name, words in {
        "pipe.png": "not a file", ".": "not a file", "gone.png": "No such file",
        "large.png": "over the limit", "a\0.png": "null byte",
    }.items():  # fmt: skip
        with pytest.raises(ImageError, match=words):
            read_file(f"{tmp_path}/{name}")


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": b"Exif\0\0" + bytes(300)}])
def test_the_stated_size_of_a_jpeg_is_its_size(options: dict[str, object]) -> None:
    data = _encoded(_gradient(), "JPEG", **options)
    assert size_from_header(data) == read_size(data) == (64, 32)


def test_the_stated_size_is_that_of_png_and_none_of_what_says_nothing() -> None:
    data = _encoded(_gradient(), "PNG")
    assert size_from_header(data) == read_size(data) == (64, 32)
    assert size_from_header(_encoded(_gradient(), "WEBP")) is None
    jpeg = _encoded(_gradient(), "JPEG")
    frame = jpeg.index(b"\xff\xc0")
    assert size_from_header(jpeg[: frame + 8]) is size_from_header(data[:20]) is size_from_header(b"") is None
    assert size_from_header(b"\xff\xd8\xff\xe0\0\0" * 9) is None


def test_luma_is_pillows_for_every_step_of_every_band() -> None:
    steps = np.arange(256, dtype=np.uint8)
    for rest in ((0, 0), (255, 255), (17, 201), (128, 64)):
        bands = [np.roll([steps, np.full(256, rest[0]), np.full(256, rest[1])], by, 0) for by in range(3)]
        colours = np.stack(bands).astype(np.uint8).transpose(0, 2, 1)  # (3, 256, 3)
        expected = np.asarray(Image.fromarray(np.ascontiguousarray(colours)).convert("L"))
        assert np.array_equal(luma(colours)[..., 0], expected)
    noise = np.random.default_rng(5).integers(0, 256, (300, 200, 3), dtype=np.uint8)  # in several pieces
    assert np.array_equal(luma(noise)[..., 0], np.asarray(Image.fromarray(noise).convert("L")))


def _transparent(ink: int) -> bytes:
    """Return a PNG of a bar of one grey on a transparent ground."""
    image = Image.new("LA", (40, 20), (ink, 0))
    image.paste((ink, 255), (10, 5, 30, 15))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(("ink", "ground"), [(0, 255), (100, 255), (200, 255), (240, 0), (255, 0)])
def test_what_is_drawn_on_transparency_is_seen(ink: int, ground: int) -> None:
    pixels = decode(_transparent(ink), grey=True)[:, :, 0]
    assert pixels[0, 0] == ground
    assert pixels[10, 20] == ink


def test_a_transparent_image_with_nothing_on_it_is_white() -> None:
    buffer = io.BytesIO()
    Image.new("LA", (8, 8), (255, 0)).save(buffer, "PNG")
    assert (decode(buffer.getvalue()) == 255).all()
