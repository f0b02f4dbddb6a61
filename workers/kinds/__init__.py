"""The kinds of jobs, by name. A new one is a module here, its line below and its task in `tasks`."""

import functools
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from .base import Kind


class Kinds(Mapping[str, Kind[Any]]):
    """Loads a kind's module when it is asked for: each draws in its own part of `captcha_core`.

    So a command that reads images never waits for rendering and training, nor for numpy.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places

    def __getitem__(self, name: str) -> Kind[Any]:
        return _load(self._places[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


@functools.cache
def _load(place: str) -> Kind[Any]:
    module, _, name = place.partition(":")
    kind: Kind[Any] = getattr(importlib.import_module(f".{module}", __name__), name)()
    return kind


KINDS = Kinds(
    {
        "generate": "generate:Generate",
        "train": "train:Train",
        "solve": "solve:Solve",
        "evaluate": "evaluate:Evaluate",
    }
)

__all__ = ["KINDS", "Kind"]
