"""The HTML page of an inspection: one file, with its pictures in it."""

import html
from collections.abc import Mapping, Sequence
from string import Template
from typing import Any

from .page import data_url

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
$marker
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { padding: .15rem .9rem .15rem 0; text-align: left; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
.bar { background: #4c78a8; height: .8rem; min-width: 1px; }
.gallery { display: flex; flex-wrap: wrap; gap: .8rem; margin-bottom: .8rem; }
.group { border: 1px solid #8886; border-radius: 6px; display: flex; flex-wrap: wrap; gap: .4rem; }
figure { margin: 0; padding: .5rem; max-width: 21.5rem; }
figure img { display: block; max-width: 100%; background: #fff; }
figcaption { overflow-wrap: anywhere; } figcaption small { opacity: .7; }
code { font-size: 1.05rem; }
</style>
</head>
<body>
<h1>$title</h1>
<table>$facts</table>
$sections
</body>
</html>
""")

MARKER = '<meta name="generator" content="capq inspect">'
"""By which a page is known."""

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
    rows = (
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in facts.items()
    )
    page = _PAGE.substitute(
        marker=MARKER, title=html.escape(title), facts="".join(rows), sections="\n".join(sections)
    )
    # File names may hold bytes that are not valid UTF-8.
    return page.encode("utf-8", "backslashreplace").decode()


def _list(heading: str, sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    return f"<h2>{html.escape(heading)}</h2><ul>{items}</ul>"


def _gallery(heading: str, groups: Sequence[Sequence[Caption]], pictures: Mapping[str, bytes]) -> str:
    blocks = []
    for group in groups:
        figures = "".join(_figure(name, caption, pictures.get(name)) for name, caption in group)
        blocks.append(f'<div class="group">{figures}</div>')
    return f'<h2>{html.escape(heading)}</h2><div class="gallery">{"".join(blocks)}</div>'


def _figure(name: str, caption: str, picture: bytes | None) -> str:
    image = f'<img alt="" src="{data_url(picture)}">' if picture else ""
    return (
        f"<figure>{image}<figcaption><code>{html.escape(caption)}</code>"
        f"<br><small>{html.escape(name)}</small></figcaption></figure>"
    )


def _bars(heading: str, numbers: Mapping[Any, int]) -> str:
    most = max(numbers.values())
    rows = "".join(
        f'<tr><td><code>{html.escape(str(name))}</code></td><td class="n">{number:,}</td>'
        f'<td><div class="bar" style="width: {20 * number / most:.2f}rem"></div></td></tr>'
        for name, number in numbers.items()
    )
    return f"<h2>{html.escape(heading)}</h2><table>{rows}</table>"
