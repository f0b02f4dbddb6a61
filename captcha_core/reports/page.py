"""The HTML report of a reading: one file with the doubtful images embedded."""

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from string import Template

from PIL import Image

from ..codecs.figures import probability_text
from ..errors import ImageError
from ..images.decoding import decode
from ..tables import Row
from ..tables.summary import BINS, PickedRow, TableSummary

_WIDTH, _HEIGHT = 340, 160  # of an embedded picture at most, in pixels

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { padding: .15rem .9rem .15rem 0; text-align: left; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
.gallery { display: flex; flex-wrap: wrap; gap: .8rem; }
figure { margin: 0; padding: .5rem; border: 1px solid #8886; border-radius: 6px; max-width: 21.5rem; }
figure img { display: block; max-width: 100%; background: #fff; }
figcaption { overflow-wrap: anywhere; } figcaption small { opacity: .7; }
code { font-size: 1.05rem; } .label { opacity: .8; }
svg { max-width: 100%; } svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
rect { fill: #4c78a8; }
</style>
</head>
<body>
<h1>$title</h1>
<table>$facts</table>
<h2>Confidence of the texts</h2>
$histogram
$sections
</body>
</html>
""")


def page(
    title: str,
    facts: Mapping[str, str],
    summary: TableSummary,
    pictures: Mapping[tuple[int, int], bytes],
    confusions: Sequence[tuple[str, str, int]] = (),
) -> str:
    """Return the report as one HTML document without other files or scripts.

    Parameters
    ----------
    facts
        Names and values for the table at the top of the page.
    pictures
        The encoded images of the summary's picked rows, by batch and index; a missing one is shown
        by its path only.
    confusions
        (true, read, count) of the commonest confusions.
    """
    wrong, least_certain = summary.most_confident_wrong(), summary.least_certain()
    sections = [
        _confusions_section(confusions),
        _images_section("Wrong, the most confident first", wrong, pictures),
        _images_section("Least certain", least_certain, pictures),
        _unreadable_section(summary.first_unreadable(), summary.unreadable),
    ]
    page_html = _PAGE.substitute(
        title=html.escape(title),
        facts="".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
            for name, value in facts.items()
        ),
        histogram=_histogram(summary),
        sections="\n".join(section for section in sections if section),
    )
    # File names may hold bytes that are not valid UTF-8.
    return page_html.encode("utf-8", "backslashreplace").decode()


def _histogram(summary: TableSummary) -> str:
    """Return an SVG histogram of confidences, logarithmic in height since most texts are near 1."""
    width, height, footer = 36, 150, 20
    tallest = math.log1p(max(summary.histogram.values(), default=1))
    bars = []
    for index in range(BINS):
        count = summary.histogram[index]
        bar_height = height * math.log1p(count) / tallest
        left, top = index * width, 16 + height - bar_height
        span = f"{index / BINS:.2f} – {(index + 1) / BINS:.2f}"
        bars.append(
            f'<rect x="{left + 1}" y="{top:.1f}" width="{width - 2}" height="{bar_height:.1f}">'
            f"<title>{span}: {count:,}</title></rect>"
            f'<text x="{left + width / 2}" y="{top - 4:.1f}" text-anchor="middle">{_compact(count)}</text>'
        )
    labels = [
        f'<text x="{share * BINS * width}" y="{11 + height + footer}" text-anchor="{anchor}">{share:g}</text>'
        for share, anchor in ((0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"), (1, "end"))
    ]
    size = f"{BINS * width} {16 + height + footer}"
    return (
        f'<svg role="img" aria-label="Number of texts by confidence" viewBox="0 0 {size}" '
        f'width="{BINS * width}">{"".join(bars)}{"".join(labels)}</svg>'
        "<p><small>Number of texts by interval of confidence; heights are logarithmic.</small></p>"
    )


def _confusions_section(confusions: Sequence[tuple[str, str, int]]) -> str:
    if not confusions:
        return ""
    rows = "".join(
        f'<tr>{_character_cell(true)}{_character_cell(read)}<td class="n">{count:,}</td></tr>'
        for true, read, count in confusions
    )
    return f"<h2>Commonest faults</h2><table><tr><th>true</th><th>read</th><th>times</th></tr>{rows}</table>"


def _character_cell(character: str) -> str:
    return f"<td><code>{html.escape(character) or '∅'}</code></td>"


def _images_section(title: str, picks: Sequence[PickedRow], pictures: Mapping[tuple[int, int], bytes]) -> str:
    if not picks:
        return ""
    figures = "".join(_figure_element(pick, pictures.get((pick.batch, pick.index))) for pick in picks)
    return f'<h2>{html.escape(title)} ({len(picks):,})</h2><div class="gallery">{figures}</div>'


def _figure_element(pick: PickedRow, picture: bytes | None) -> str:
    row = pick.row
    image = f'<img alt="" src="{data_url(picture)}">' if picture else ""
    label = ""
    if pick.wrong and row.label is not None:
        label = f' <span class="label">is <code>{html.escape(row.label)}</code></span>'
    confidence = probability_text(row.confidence or 0)
    return (
        f"<figure>{image}<figcaption><code>{html.escape(row.text)}</code>{label} {confidence}"
        f"<br><small>{html.escape(row.path)}</small></figcaption></figure>"
    )


def _unreadable_section(rows: Sequence[Row], count: int) -> str:
    if not rows:
        return ""
    lines = "".join(
        f"<tr><td>{html.escape(row.path)}</td><td>{html.escape(row.error)}</td></tr>" for row in rows
    )
    note = f", the first {len(rows)}" if count > len(rows) else ""
    return f"<h2>Not read ({count:,}{note})</h2><table>{lines}</table>"


def thumbnail(data: bytes) -> bytes | None:
    """Return an image as a PNG of bounded size; None if it cannot be decoded.

    It is decoded and encoded again, so that no bytes of an untrusted file get into the page.
    """
    try:
        picture = Image.fromarray(decode(data))
    except ImageError:
        return None
    picture.thumbnail((_WIDTH, _HEIGHT))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def data_url(picture: bytes) -> str:
    """Return a PNG as a URL that holds it."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def _compact(count: int) -> str:
    return "" if not count else f"{count:,}" if count < 10_000 else f"{count / 1000:,.0f}k"
