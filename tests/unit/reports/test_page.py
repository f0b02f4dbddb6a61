import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from captcha_core.images.decoding import decode
from captcha_core.reports.document import thumbnail
from captcha_core.reports.page import page
from captcha_core.tables import Row
from captcha_core.tables.summary import TableSummary

ROWS = [
    [
        Row(path="a.png", text="A", confidence=0.9, label="A"),
        Row(path="b.png", text="B", confidence=0.3, label="8"),
        Row(path="c.png", text="C", confidence=0.2),
    ],
    [
        Row(path="d.png", error="damaged", label="D", rejected=True),
        Row(path="e.png", text="E", confidence=1.0, label="F", resized=True),
        Row(path="f.png", text="F", confidence=0.2, rejected=True),
    ],
]


def _summary(max_picks: int) -> TableSummary:
    summary = TableSummary(max_picks=max_picks)
    assert list(summary.observe(ROWS)) == ROWS
    return summary


def test_a_summary_counts_the_rows_it_observes() -> None:
    summary = _summary(0)
    assert (summary.images, summary.unreadable, summary.rejected, summary.resized) == (6, 1, 2, 1)
    assert (summary.labelled, summary.right) == (4, 1)
    assert summary.histogram == {18: 1, 6: 1, 4: 2, 19: 1}
    assert summary.confidence == 2.6
    assert summary.least_certain() == summary.most_confident_wrong() == summary.first_unreadable() == []


def test_a_summary_picks_a_bounded_number() -> None:
    summary = _summary(2)
    assert [(pick.batch, pick.index) for pick in summary.least_certain()] == [(0, 2), (1, 2)]
    assert [(pick.batch, pick.index) for pick in summary.most_confident_wrong()] == [(1, 1), (0, 1)]
    assert [row.path for row in summary.first_unreadable()] == ["d.png"]


def test_a_thumbnail_is_bounded_and_keeps_small_images_as_they_are() -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (80, 170, 3), np.uint8)
    assert np.array_equal(decode(thumbnail(_png(pixels)) or b""), pixels)
    large = decode(thumbnail(_png(np.zeros((2000, 300, 3), np.uint8))) or b"")
    assert large.shape == (160, 24, 3)
    assert thumbnail(b"nonsense") is None


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_needs_no_other_file_and_shows_its_pictures() -> None:
    pixels = np.full((20, 30, 3), 7, np.uint8)
    text = page("T", {"images": "6"}, _summary(10), {(1, 1): _png(pixels)}, [("8", "B", 3), ("", "X", 1)])
    parsed = _Page(text)
    assert parsed.tags.count("figure") == 2 + 5
    (source, again) = parsed.sources
    assert source == again
    kind, data = source.split(",")
    assert kind == "data:image/png;base64"
    assert np.array_equal(decode(base64.b64decode(data)), pixels)
    for words in ("Wrong", "Least certain", "Not read (1)", "damaged", "∅"):
        assert words in parsed.text
    bars = re.findall(r"<title>(\S+) – (\S+): (\d+)</title>", text)
    assert len(bars) == 20
    assert bars[4] == ("0.20", "0.25", "2")


def test_a_label_in_another_case_is_no_mistake_where_case_is_ignored() -> None:
    rows = [
        Row(path="a.png", text="AB", confidence=0.5, label="aB"),
        Row(path="b.png", text="A", label="b", confidence=1),
    ]
    for ignore_case, right in ((False, 0), (True, 1)):
        summary = TableSummary(max_picks=5, ignore_case=ignore_case)
        list(summary.observe([rows]))
        assert (summary.labelled, summary.right) == (2, right)
        assert len(summary.most_confident_wrong()) == 2 - right
        assert ("aB" in page("T", {}, summary, {})) == (not ignore_case)


def test_a_page_is_safe_from_names_texts_and_errors() -> None:
    evil = '"><script>alert(1)</script>&$title\udcff'
    summary = TableSummary(max_picks=5)
    row = Row(path=evil, text=evil, confidence=0.5, label="<b>")
    list(summary.observe([[row, Row(path=evil, error=evil)]]))
    text = page(evil, {evil: evil}, summary, {}, [("<", "&", 1)])
    found = _Page(text)
    assert "script" not in found.tags
    assert "b" not in found.tags
    assert "\udcff" not in text  # which no file of UTF-8 can hold
    assert found.text.count("<script>alert(1)</script>&$title") == 10


def test_a_page_of_nothing_is_a_page() -> None:
    assert "figure" not in _Page(page("T", {}, TableSummary(max_picks=5), {})).tags


def _png(pixels: np.ndarray) -> bytes:  # type: ignore[type-arg]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
