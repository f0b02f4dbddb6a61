"""What the HTML pages have in common: a head, a style sheet, and pictures that are part of the file."""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from string import Template

from PIL import Image

from ..errors import ImageError
from ..images.decoding import decode

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
.gallery > * { border: 1px solid #8886; border-radius: 6px; }
.group { display: flex; flex-wrap: wrap; gap: .4rem; }
figure { margin: 0; padding: .5rem; max-width: 21.5rem; }
figure img { display: block; max-width: 100%; background: #fff; }
figcaption { overflow-wrap: anywhere; } figcaption small { opacity: .7; }
code { font-size: 1.05rem; } .label { opacity: .8; }
.bar { background: #4c78a8; height: .8rem; min-width: 1px; }
svg { max-width: 100%; } svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
rect { fill: #4c78a8; }
</style>
</head>
<body>
<h1>$title</h1>
<table>$facts</table>
$sections
</body>
</html>
""")


def document(title: str, facts: Mapping[str, str], sections: Sequence[str]) -> str:
    """Return a page as one HTML document without other files or scripts.

    Parameters
    ----------
    title, facts
        Text; the facts are a table at the top of the page.
    sections
        HTML; those that are empty are left out.
    """
    rows = (
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in facts.items()
    )
    page = _PAGE.substitute(
        title=html.escape(title), facts="".join(rows), sections="\n".join(filter(None, sections))
    )
    # File names may hold bytes that are not valid UTF-8.
    return page.encode("utf-8", "backslashreplace").decode()


def figure(caption: str, path: str, picture: bytes | None) -> str:
    """Return an image with its caption (HTML) and its path below it; without a picture, these alone."""
    image = f'<img alt="" src="{_data_url(picture)}">' if picture else ""
    return f"<figure>{image}<figcaption>{caption}<br><small>{html.escape(path)}</small></figcaption></figure>"


def gallery(heading: str, blocks: Sequence[str]) -> str:
    """Return figures, or groups of them, as a section."""
    return f'<h2>{html.escape(heading)}</h2><div class="gallery">{"".join(blocks)}</div>'


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


def _data_url(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"
