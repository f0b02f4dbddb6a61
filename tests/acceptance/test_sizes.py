"""Labelled images of mixed sizes, from `capq train` to `capq solve`."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from captcha_core.rendering import open_renderer
from captcha_core.spec import Spec
from tests.conftest import Capq


def test_a_folder_of_mixed_sizes_trains_and_is_read_without_a_warning(embedded: Capq, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    pixels, texts = open_renderer(Spec.make(charset="01", lengths=(1, 3))).batch(1, 0, 0, 40)
    sizes = [(72, 24), (100, 30), (440, 80), (120, 80)]
    for number, (image, text) in enumerate(zip(pixels, texts, strict=True)):
        picture = Image.fromarray(np.squeeze(image)).resize(sizes[number % 4])
        picture.save(images / f"{text}_{number:02d}.png")
    out = tmp_path / "model"
    trained = embedded("train", images, "--init", "none", "--max-images", 64, "--batch", 16, "--out", out)
    assert "the images are 72×24 to 440×80" in trained.stderr
    assert "padded" in trained.stderr
    files = sorted(images.iterdir())[:4]
    read = embedded("solve", "--json", *files, "--checkpoint", out)
    assert [answer["error"] for answer in json.loads(read.stdout)] == [None] * len(files)
    assert "not trained for" not in read.stderr
    shipped = embedded("solve", files[0], "--checkpoint", "lepture-170x80")
    assert "not trained for" in shipped.stderr
