"""Paths that mean the same in another process."""

from pathlib import Path


def absolute(url: str) -> str:
    """Return a local path made absolute, since workers have another current folder; URLs stay as they are."""
    return url if "://" in url else str(Path(url).expanduser().absolute())
