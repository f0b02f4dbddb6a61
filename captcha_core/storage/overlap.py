"""Outputs that lie in an input, or the other way round: writing one would change or hide the other."""

from collections.abc import Iterable
from pathlib import Path

from ..errors import OverlapError
from .folder import Folder


def check_apart(outputs: Iterable[str | Path], inputs: Iterable[str | Path], output_kind: str = "") -> None:
    """Check that no output is an input, or lies in one, or holds one.

    Links are followed. Paths in other stores than this machine's are passed over.

    Raises
    ------
    OverlapError
        With the first pair that overlaps.
    """
    sources = [path for path in map(_resolved, inputs) if path]
    for output in filter(None, map(_resolved, outputs)):
        for source in sources:
            if output == source:
                raise OverlapError(f"{output} is an input: it cannot be the output as well", output_kind)
            if source in output.parents:
                raise OverlapError(f"the output {output} lies in the input {source}", output_kind)
            if output in source.parents:
                raise OverlapError(f"the input {source} lies in the output {output}", output_kind)


def _resolved(url: str | Path) -> Path | None:
    folder = Folder(url)
    return Path(folder.root).resolve() if folder.is_local else None
