"""`--checkpoint auto`, the default, on the command line."""

from pathlib import Path

import pytest

from captcha_core import presets
from captcha_core.rendering import open_renderer
from captcha_core.rendering.encoding import encode
from captcha_core.tables.formats import read_table
from tests.conftest import Capq, ListedReading, start_worker


def _render(folder: Path, name: str, count: int = 16) -> Path:
    spec = presets()[name]
    pixels, _ = open_renderer(spec).batch(5, 0, 0, count)
    folder.mkdir(exist_ok=True)
    for number, picture in enumerate(pixels):
        (folder / f"{name}-{number:03}.jpg").write_bytes(encode(picture, spec))
    return folder


@pytest.fixture
def images(capq: Capq) -> Path:
    """Sixteen images of four to six characters, and a worker that reads them."""
    start_worker(capq, "gpu", processes=1)
    return _render(capq.folder / "images", "alnum-4-6")


def test_the_images_choose_the_network_and_the_same_command_keeps_it(capq: Capq, images: Path) -> None:
    first = capq("solve-dir", images)
    assert first.stderr.startswith("alnum-170x80: ")
    assert "of 16 sample images read with a confidence of 0.9 or more" in first.stderr
    _render(images, "default")
    again = capq("solve-dir", images, "--json")
    assert "alnum-170x80: " in again.stderr
    assert "results.csv was begun with it" in again.stderr
    assert '"kept": 16' in again.stdout
    for path in images.glob("alnum-*"):
        path.unlink()
    anew = capq("solve-dir", images, "--json", "--overwrite")
    assert "lepture-170x80: " in anew.stderr
    assert '"network": "lepture-170x80"' in anew.stdout


def test_a_list_on_standard_input_is_read_whole_after_its_sample(capq: Capq, images: Path) -> None:
    reading = ListedReading(capq, "--batch", 4)
    paths = sorted(images.iterdir())
    reading.list(*paths)
    assert "alnum-170x80: " in reading.end()
    assert [row.path for row in read_table(str(capq.folder / "results.csv"))] == list(map(str, paths))


def test_a_named_network_is_taken_without_a_look_at_the_images(capq: Capq, images: Path) -> None:
    capq.env["PYTHONPROFILEIMPORTTIME"] = "1"
    command = ("solve-dir", images, "--detach", "--out")
    named = capq(*command, "named.csv", "--checkpoint", "alnum-170x80").stderr
    chosen = capq(*command, "chosen.csv").stderr
    assert "sample" not in named
    assert " celery\n" in named
    assert not any(f" {module}\n" in named for module in ("numpy", "PIL", "onnxruntime", "torch"))
    assert " numpy\n" in chosen


def test_a_command_without_an_engine_takes_the_default_network(capq: Capq, images: Path) -> None:
    without = capq.folder / "without"
    without.mkdir()
    packages = ("onnxruntime", "safetensors", "torch")
    (without / "sitecustomize.py").write_text(
        f"import sys; sys.modules.update(dict.fromkeys({packages}))"  # as if they were not installed
    )
    capq.env["PYTHONPATH"] = f"{without}:{capq.env.get('PYTHONPATH', '')}"
    result = capq("solve-dir", images, "--json")
    assert "lepture-170x80: the default, since no sample can be read here" in result.stderr
    assert '"network": "lepture-170x80"' in result.stdout


def test_single_files_choose_too(capq: Capq) -> None:
    folder = _render(capq.folder / "images", "lepture", 4)
    result = capq("solve", *folder.iterdir())
    assert result.stderr.startswith("lepture-160x60: ")
    (capq.folder / "bad.png").write_bytes(b"no image")
    result = capq("solve", "bad.png", code=1)
    assert result.stderr == "lepture-170x80: there is no image to choose by\n"
