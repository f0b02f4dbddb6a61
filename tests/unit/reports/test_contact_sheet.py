import numpy as np
import pytest

from captcha_core.reports.contact_sheet import Span, contact_sheet


@pytest.mark.parametrize(
    ("count", "columns", "grid"), [(1, None, (1, 1)), (6, 3, (3, 2)), (7, 3, (3, 3)), (2, 9, (2, 1))]
)
def test_images_stand_in_rows(count: int, columns: int | None, grid: tuple[int, int]) -> None:
    images = [np.full((40, 100, 3), 7 + number, np.uint8) for number in range(count)]
    sheet = contact_sheet(images, ["A"] * count, columns)
    pixels = np.asarray(sheet)
    assert pixels.shape[1] // 108 == grid[0]
    assert pixels.shape[0] // 68 == grid[1]
    for number in range(count):
        x, y = 8 + number % grid[0] * 108, 8 + number // grid[0] * 68
        assert (pixels[y : y + 40, x : x + 100] == 7 + number).all()
        assert pixels[y + 40 : y + 60, x : x + 100].min() < 100  # the caption's ink


def test_grey_and_colour_of_different_sizes_share_a_sheet() -> None:
    sheet = contact_sheet([np.zeros((20, 30, 1), np.uint8), np.zeros((40, 60, 3), np.uint8)], ["a", "b"], 2)
    assert sheet.size == (2 * 68 + 8, 68 + 8)


def test_a_caption_of_spans_has_its_lines_and_colours() -> None:
    image = np.full((40, 100, 3), 255, np.uint8)
    lines = [[Span("AB")], [Span("A"), Span("C", (200, 0, 0))]]
    pixels = np.asarray(contact_sheet([image], [lines])).astype(int)
    assert pixels.shape == (8 + 40 + 2 * 20 + 8, 8 + 100 + 8, 3)
    red = (pixels[:, :, 0] - pixels[:, :, 1]) > 100
    assert not red[48:68].any()
    assert red[68:88, 58:].any()
    assert not red[68:88, :57].any()


def test_a_zero_is_told_from_an_o_by_its_slash() -> None:
    image = np.full((10, 60, 3), 255, np.uint8)
    zero, letter = (np.asarray(contact_sheet([image], [text])) for text in ("0", "O"))
    middle = zero.shape[1] // 2
    dark = [int((sheet[18:38, middle - 2 : middle + 2] < 120).sum()) for sheet in (zero, letter)]
    assert dark[0] > dark[1]
