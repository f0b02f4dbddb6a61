"""Outputs that lie in an input, or the other way round: writing one would change or hide the other."""

from collections.abc import Iterable
from pathlib import Path, PurePath, PurePosixPath

from ..errors import OverlapError
from .stored_path import AnyPath, as_path


def check_apart(
    outputs: Iterable[str | AnyPath], inputs: Iterable[str | AnyPath], output_kind: str = ""
) -> None:
    """Check that no output is an input, or lies in one, or holds one.

    Links are followed.

    Raises
    ------
    OverlapError
        With the first pair that overlaps.
    """
    sources = [_resolved(url) for url in inputs]
    for output in map(_resolved, outputs):
        for source in sources:
            fault = _fault(output, source)
            if fault:
                raise OverlapError(fault, output_kind)


def _fault(output: PurePath, source: PurePath) -> str:
    """Say how an output and an input overlap; empty where they do not."""
    if output == source:
        return f"{_shown(output)} is an input: it cannot be the output as well"
    if source in output.parents:
        return f"the output {_shown(output)} lies in the input {_shown(source)}"
    if output in source.parents:
        return f"the input {_shown(source)} lies in the output {_shown(output)}"
    return ""


def _resolved(url: str | AnyPath) -> PurePath:
    path = as_path(url)
    return path.resolve() if isinstance(path, Path) else PurePosixPath(path.url)


def _shown(path: PurePath) -> str:
    return str(path) if isinstance(path, Path) else str(path).replace(":/", "://", 1)
