"""The kinds of jobs, by name. A new one is a module here, its line below and its task in `tasks`."""

from typing import Any

from .base import Kind
from .generate import Generate

KINDS: dict[str, Kind[Any]] = {kind.name: kind for kind in (Generate(),)}

__all__ = ["KINDS", "Kind"]
