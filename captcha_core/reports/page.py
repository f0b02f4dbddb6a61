"""The HTML report of a reading: one file with the doubtful images embedded."""

import html
import math
from collections.abc import Mapping, Sequence

from ..codecs.figures import probability_text
from ..tables import Row
from ..tables.summary import BINS, PickedRow, TableSummary
from .document import document, figure, gallery


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
        f"<h2>Confidence of the texts</h2>\n{_histogram(summary)}",
        _confusions_section(confusions),
        _images_section("Wrong, the most confident first", wrong, pictures),
        _images_section("Least certain", least_certain, pictures),
        _unreadable_section(summary.first_unreadable(), summary.unreadable),
    ]
    return document(title, facts, sections)


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
    return gallery(
        f"{title} ({len(picks):,})", [_figure(pick, pictures.get((pick.batch, pick.index))) for pick in picks]
    )


def _figure(pick: PickedRow, picture: bytes | None) -> str:
    row = pick.row
    label = ""
    if pick.wrong and row.label is not None:
        label = f' <span class="label">is <code>{html.escape(row.label)}</code></span>'
    confidence = probability_text(row.confidence or 0)
    return figure(f"<code>{html.escape(row.text)}</code>{label} {confidence}", row.path, picture)


def _unreadable_section(rows: Sequence[Row], count: int) -> str:
    if not rows:
        return ""
    lines = "".join(
        f"<tr><td>{html.escape(row.path)}</td><td>{html.escape(row.error)}</td></tr>" for row in rows
    )
    note = f", the first {len(rows)}" if count > len(rows) else ""
    return f"<h2>Not read ({count:,}{note})</h2><table>{lines}</table>"


def _compact(count: int) -> str:
    return "" if not count else f"{count:,}" if count < 10_000 else f"{count / 1000:,.0f}k"
