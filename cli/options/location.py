"""Paths as other processes understand them."""

from pathlib import Path


def absolute(url: str) -> str:
    """Return a local path made absolute, since workers run elsewhere; URLs stay as they are."""
    return url if "://" in url else str(Path(url).expanduser().absolute())
