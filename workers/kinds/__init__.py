"""The kinds of jobs, by name. A new one is a module here and its line in `KINDS`."""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .base import Kind, task_name


class Line(NamedTuple):
    """What is known of a kind before its module is loaded.

    Attributes
    ----------
    path
        Module in this package, and class: ``generate:Generate``.
    unit
        What one task does, in the singular: ``shard``.
    """

    path: str
    unit: str


class Kinds(Mapping[str, Kind[Any]]):
    """Loads a kind's module when it is asked for: each imports its own part of `captcha_core`.

    So a command that reads images never waits for rendering and training, nor for numpy.
    """

    def __init__(self, lines: Mapping[str, Line]) -> None:
        self._lines = lines
        self._loaded: dict[str, Kind[Any]] = {}

    def __getitem__(self, name: str) -> Kind[Any]:
        if name not in self._loaded:
            self._loaded[name] = _load(name, self._lines[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, name: object) -> bool:
        return name in self._lines

    @property
    def tasks(self) -> list[str]:
        """Names of the Celery tasks that run the kinds' units; loads no kind."""
        return [task_name(name, line.unit) for name, line in self._lines.items()]

    def task(self, name: str) -> str:
        """Return the name of the Celery task that runs a kind's units, empty for no kind; loads none."""
        return task_name(name, self._lines[name].unit) if name in self._lines else ""


def _load(name: str, line: Line) -> Kind[Any]:
    module, _, class_name = line.path.partition(":")
    kind: Kind[Any] = getattr(importlib.import_module(f".{module}", __name__), class_name)(name, line.unit)
    return kind


KINDS = Kinds(
    {
        "generate": Line("generate:Generate", unit="shard"),
        "train": Line("train:Train", unit="slice"),
        "solve": Line("solve:Solve", unit="batch"),
        "evaluate": Line("evaluate:Evaluate", unit="batch"),
    }
)

__all__ = ["KINDS", "Kind"]
