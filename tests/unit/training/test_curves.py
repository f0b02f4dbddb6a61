import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from captcha_core.errors import CapqError, TrainingError
from captcha_core.reports import canvas
from captcha_core.training import curves
from captcha_core.training.state import Moment

HISTORY = [
    Moment(step=1, images=100, seconds=1, loss=2.0, accuracy=0.0, rate=0.001),
    Moment(step=2, images=200, seconds=2, loss=None, accuracy=0.75, rate=0.003),
    Moment(step=3, images=300, seconds=3, loss=0.1, accuracy=0.98, rate=0.002),
    Moment(step=4, images=400, seconds=4, loss=0.05, accuracy=1.0, rate=0.0),
]


def lines(axes):
    return [list(zip(line.get_xdata(), line.get_ydata(), strict=True)) for line in axes.get_lines()]


def test_the_curves_are_the_history():
    loss, error, rate = curves.curves(HISTORY, "x").axes
    assert lines(loss) == [[(100, 2.0), (300, 0.1), (400, 0.05)]]
    assert lines(rate) == [[(100, 0.001), (200, 0.003), (300, 0.002), (400, 0.0)]]
    faulty, faultless = lines(error)
    assert faulty == [(100, 100), (200, 25), (300, pytest.approx(2))]
    assert faultless == [(400, pytest.approx(1))]  # below the least error, on an axis that has no zero
    assert (loss.get_yscale(), error.get_yscale(), rate.get_yscale()) == ("log", "log", "linear")
    assert [text.get_text() for text in error.texts] == ["100.00 % right"]


def test_without_held_out_images_there_is_no_error_to_draw():
    unmeasured = [moment.model_copy(update={"accuracy": None}) for moment in HISTORY]
    assert [axes.get_ylabel() for axes in curves.curves(unmeasured, "x").axes] == ["loss", "learning rate"]


def test_no_history_is_refused():
    with pytest.raises(TrainingError, match="no training history"):
        curves.curves([], "x")


def test_png_and_svg_by_the_files_name():
    figure = curves.curves(HISTORY[:1], "one slice")
    with Image.open(io.BytesIO(canvas.encode(figure, Path("a.png")))) as picture:
        assert picture.format == "PNG"
    assert b"<svg" in canvas.encode(figure, Path("a.svg"))
    with pytest.raises(CapqError, match=r"\.png or \.svg"):
        canvas.encode(figure, Path("a.xlsx"))


def test_drawing_leaves_pyplot_alone_and_importing_leaves_matplotlib_alone():
    script = (
        "import sys, cli.commands.plot, cli.commands.evaluate; assert 'matplotlib' not in sys.modules;"
        "from captcha_core.reports import canvas; canvas.figure(1, 1, 'x');"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[3])
