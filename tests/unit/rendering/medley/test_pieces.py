"""Characters turned, stretched and drawn in a manner of strokes."""

from pathlib import Path

import numpy as np
import pytest

from captcha_core.rendering.medley.glyphs import CAPITAL, Glyph, Glyphs
from captcha_core.rendering.medley.pieces import Piece, Pose, bolder, jagged, outlined, posed, thinner
from captcha_core.rendering.medley.sampling import CompiledSampler, NumpySampler, Sampler

from .conftest import DROID


@pytest.fixture(params=[NumpySampler, CompiledSampler])
def sampler(request: pytest.FixtureRequest) -> Sampler:
    if request.param is CompiledSampler:
        pytest.importorskip("numba")
    made: Sampler = request.param()
    return made


@pytest.fixture
def letter() -> Glyph:
    return Glyphs([Path(DROID)]).glyph(0, "E")


def middle(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(mask.shape)
    return float((columns * mask).sum() / mask.sum()), float((rows * mask).sum() / mask.sum())


def test_capitals_have_one_height_in_every_font(letter: Glyph) -> None:
    assert letter.mask.shape[0] - 2 == pytest.approx(CAPITAL, abs=1)
    assert letter.above == pytest.approx(CAPITAL + 1, abs=1)


def test_a_piece_that_is_not_changed_is_the_glyph(letter: Glyph, sampler: Sampler) -> None:
    piece = posed(letter, Pose(1.0, 1.0), sampler)
    rows, columns = letter.mask.shape
    difference = piece.mask[1:-1, 1:-1].astype(int) - letter.mask
    assert piece.mask.shape == (rows + 2, columns + 2)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("scale", [0.2, 0.35, 0.49, 0.51, 1.0, 1.8])
@pytest.mark.parametrize("angle", [0.0, 33.0, -50.0])
def test_ink_keeps_its_amount_and_stays_in_the_middle(
    letter: Glyph, sampler: Sampler, scale: float, angle: float
) -> None:
    piece = posed(letter, Pose(scale, scale, 0.0, angle), sampler)
    assert piece.mask.sum() == pytest.approx(letter.mask.sum() * scale**2, rel=0.12)
    assert not piece.mask[0].any()
    assert not piece.mask[:, -1].any()
    x, y = middle(letter.mask)
    turned_x, turned_y = middle(piece.mask)
    away = np.hypot(x - (letter.mask.shape[1] - 1) / 2, y - (letter.mask.shape[0] - 1) / 2) * scale
    still = np.hypot(turned_x - (piece.width - 1) / 2, turned_y - (piece.height - 1) / 2)
    assert still == pytest.approx(away, abs=0.3)


def test_strokes_grow_and_shrink_by_a_pixel() -> None:
    bar = np.zeros((20, 20), np.uint8)
    bar[4:16, 8:12] = 255
    piece = Piece(bar, 0, 4)
    assert bolder(piece).mask.any(0).sum() == 5
    assert bolder(piece).stroke == 5
    assert thinner(piece).mask.any(0).sum() == 3
    rim = outlined(piece).mask
    assert rim[8].tolist().count(255) == 2
    assert not rim[9, 9:13].any()


def test_thin_strokes_stay_when_half_covered_pixels_go() -> None:
    faint = np.zeros((12, 12), np.uint8)
    faint[3:9, 5] = 90
    faint[3:9, 6] = 40
    mask = jagged(Piece(faint, 0, 0.5)).mask
    assert (mask[3:9, 5] == 255).all()
    assert set(np.unique(mask)) == {0, 255}
