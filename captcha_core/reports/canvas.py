"""matplotlib figures without pyplot, so that drawing keeps no global state and needs no display."""

import io
from pathlib import PurePath
from typing import TYPE_CHECKING

from ..errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg")
BLUE, RED, GREY = "#2563a8", "#c2410c", "#8a8f98"


def require_matplotlib() -> None:
    """Raise MissingExtraError unless matplotlib is installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise MissingExtraError("drawing", "plots") from None


def figure(width: float, height: float, title: str) -> "Figure":
    """Return an empty figure with a title; `width` and `height` are in inches.

    Raises
    ------
    MissingExtraError
        Where matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    empty = Figure(figsize=(width, height), dpi=120, layout="constrained")
    empty.suptitle(title, fontsize=11)
    return empty


def encode(figure: "Figure", path: str) -> bytes:
    """Return a figure as PNG or SVG, by the ending of the file that it is for.

    Raises
    ------
    InputError
        When the name ends otherwise.
    """
    check_format(path)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=PurePath(path).suffix.lower().removeprefix("."))
    return buffer.getvalue()


def check_format(path: str, formats: tuple[str, ...] = FORMATS) -> None:
    """Raise InputError when a picture cannot be written under that name."""
    if PurePath(path).suffix.lower() not in formats:
        raise InputError(f"{path}: give a name that ends in {' or '.join(formats)}")
