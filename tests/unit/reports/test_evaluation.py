import io
import itertools
import string
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_core.codecs.answer import Answer
from captcha_core.evaluation import Evaluation
from captcha_core.reports import canvas, evaluation
from captcha_core.reports.mistakes import mistakes_sheet

CHARSET = "0ABO"


def evaluation_of(*triples):
    pairs = [
        (true, Answer(read, confidence, (confidence,) * len(read))) for true, read, confidence in triples
    ]
    return Evaluation.count(pairs, [str(number) for number in range(len(pairs))])


FAULTY = evaluation_of(
    ("0A", "OA", 0.9), ("0A", "OA", 0.7), ("AB", "A", 0.4), ("AB", "AB", 0.999), ("BO", "BO", 0.96)
)


def labels(axis):
    return [tick.label1.get_text() for tick in axis.get_major_ticks()]


def test_the_matrix_shows_faults_alone_and_the_bars_name_them():
    matrix, bars, _ = evaluation.confusions(FAULTY, CHARSET).axes
    shown = matrix.images[0].get_array()
    assert shown.filled(0).tolist()[0] == [0, 0, 0, 2, 0]
    assert shown.filled(0).sum() == 3
    assert (~shown.mask).sum() == 2
    assert labels(matrix.yaxis) == [*CHARSET, "∅"]
    assert labels(bars.yaxis) == ["B → ∅", "0 → O"]  # from below: the commonest is on top
    assert [bar.get_width() for bar in bars.patches] == [1, 2]


def test_large_charsets_show_the_characters_at_fault():
    charset = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    matrix = evaluation.confusions(evaluation_of((charset[7], charset[299], 0.5)), charset).axes[0]
    assert len(labels(matrix.yaxis)) == 64
    assert {charset[7], charset[299]} <= set(labels(matrix.yaxis))
    assert matrix.images[0].get_array().sum() == 1


@pytest.mark.parametrize("count", [36, 62])
def test_every_character_of_a_usual_charset_has_its_row(count):
    charset = (string.digits + string.ascii_letters)[:count]
    figure = evaluation.confusions(FAULTY, charset)
    assert labels(figure.axes[0].xaxis) == [*charset, "∅"]
    canvas.encode(figure, Path("c.png"))
    boxes = [tick.label1.get_window_extent() for tick in figure.axes[0].xaxis.get_major_ticks()]
    assert all(left.x1 <= right.x0 for left, right in itertools.pairwise(boxes))


def test_confidence_is_drawn_against_what_is_true():
    reliability, rejection, _ = evaluation.confidence(FAULTY).axes
    _, points = reliability.get_lines()[:2]
    assert points.get_xdata().tolist() == pytest.approx([0.4, 0.7, 0.9, 0.9795])
    assert points.get_ydata().tolist() == [0, 0, 0, 1]
    line = rejection.get_lines()[0]
    drawn = dict(zip(np.round(line.get_xdata(orig=False), 6), line.get_ydata(), strict=True))
    assert drawn[0] == 40
    assert drawn[60] == 100
    assert {text.get_text() for text in rejection.texts} >= {"all", "0.5", "0.999"}


@pytest.mark.parametrize("counted", [Evaluation(), evaluation_of(("A", "A", 0.99))])
def test_nothing_wrong_and_nothing_at_all_can_be_drawn(counted):
    for figure in (evaluation.confusions(counted, CHARSET), evaluation.confidence(counted)):
        assert canvas.encode(figure, Path("a.png"))
    assert evaluation.confusions(counted, CHARSET).axes[1].get_title() == "no faults"


def test_the_sheet_shows_each_mistakes_image_with_its_fault_in_red():
    images = {}
    for number, mistake in enumerate(FAULTY.mistakes):
        data = io.BytesIO()
        Image.new("RGB", (60, 20), (0, 10 + number, 200)).save(data, "PNG")
        images[mistake.image] = data.getvalue()
    pixels = np.asarray(mistakes_sheet(FAULTY.mistakes, images, 1)).astype(int)
    height = 20 + 3 * 20 + 8
    for number, mistake in enumerate(FAULTY.mistakes):
        top = 8 + number * height
        assert mistake.true != mistake.read
        assert (pixels[top : top + 20, 8:68] == (0, 10 + number, 200)).all()
        for line in (top + 20, top + 40):
            caption = pixels[line : line + 20]
            assert ((caption[:, :, 0] - caption[:, :, 1]) > 100).any()
