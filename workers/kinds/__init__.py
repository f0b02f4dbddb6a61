"""The kinds of jobs, by name. A new one is a module here, its line below and its task in `tasks`."""

from typing import Any

from .base import Kind
from .evaluate import Evaluate
from .generate import Generate
from .solve import Solve
from .train import Train

KINDS: dict[str, Kind[Any]] = {kind.name: kind for kind in (Generate(), Train(), Solve(), Evaluate())}

__all__ = ["KINDS", "Kind"]
