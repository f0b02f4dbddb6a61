"""matplotlib figures without pyplot, so that drawing keeps no global state and needs no display."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CapqError, MissingExtraError

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


def save(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG or SVG, by the ending of `path`.

    Raises
    ------
    CapqError
        When the name ends otherwise or the file cannot be written.
    """
    check_format(path)
    try:
        figure.savefig(path)
    except OSError as error:
        raise CapqError(f"cannot write {path}: {error.strerror or error}") from None


def check_format(path: Path) -> None:
    """Raise CapqError when a figure cannot be written under that name."""
    if path.suffix.lower() not in FORMATS:
        raise CapqError(f"{path}: give a name that ends in {' or '.join(FORMATS)}")
