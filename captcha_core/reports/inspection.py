"""The HTML page of an inspection: one file, with its pictures in it."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from .document import document, figure, gallery

Caption = tuple[str, str]
"""An image's name, and what stands below it."""


def inspection_page(
    title: str,
    facts: Mapping[str, str],
    findings: Sequence[str],
    counts: Mapping[str, Mapping[Any, int]],
    galleries: Mapping[str, Sequence[Sequence[Caption]]],
    pictures: Mapping[str, bytes],
) -> str:
    """Return the page as one HTML document without other files or scripts.

    Parameters
    ----------
    facts
        Names and values for the table at the top.
    findings
        Sentences.
    counts
        Numbers of images by length, character or size, under their headings.
    galleries
        Groups of images under their headings.
    pictures
        PNG files by image; one that is missing is shown by its name only.
    """
    sections = [
        _list("Findings", findings or ["Nothing is amiss."]),
        *(_gallery(heading, groups, pictures) for heading, groups in galleries.items() if groups),
        *(_bars(heading, numbers) for heading, numbers in counts.items() if numbers),
    ]
    return document(title, facts, sections)


def _list(heading: str, sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    return f"<h2>{html.escape(heading)}</h2><ul>{items}</ul>"


def _gallery(heading: str, groups: Sequence[Sequence[Caption]], pictures: Mapping[str, bytes]) -> str:
    return gallery(heading, [_group(captions, pictures) for captions in groups])


def _group(captions: Sequence[Caption], pictures: Mapping[str, bytes]) -> str:
    figures = (
        figure(f"<code>{html.escape(caption)}</code>", name, pictures.get(name)) for name, caption in captions
    )
    return f'<div class="group">{"".join(figures)}</div>'


def _bars(heading: str, numbers: Mapping[Any, int]) -> str:
    most = max(numbers.values())
    rows = "".join(
        f'<tr><td><code>{html.escape(str(name))}</code></td><td class="n">{number:,}</td>'
        f'<td><div class="bar" style="width: {20 * number / most:.2f}rem"></div></td></tr>'
        for name, number in numbers.items()
    )
    return f"<h2>{html.escape(heading)}</h2><table>{rows}</table>"
