"""Images that arrive in a folder while it is watched."""

from collections.abc import Callable, Iterator
from pathlib import Path

from .folders import list_images


class Arrivals:
    """Notices new images by listing a folder again and again, which works on any file system.

    A file that is still being written has another size or time at the next look, so an image
    is taken when two looks find it the same.

    Parameters
    ----------
    is_read
        Returns whether an image of that path has been read before.
    """

    def __init__(
        self, directory: str, *, recursive: bool, patterns: tuple[str, ...], is_read: Callable[[str], bool]
    ) -> None:
        self._directory = directory
        self._recursive = recursive
        self._patterns = patterns
        self._is_read = is_read
        self._last_states: dict[str, tuple[int, int]] = {}

    def look(self) -> list[str]:
        """Return the paths of new images that have not changed since the last look, in order."""
        before, self._last_states = self._last_states, dict(self._states())
        return [path for path, state in self._last_states.items() if before.get(path) == state]

    def _states(self) -> Iterator[tuple[str, tuple[int, int]]]:
        paths = list_images(self._directory, recursive=self._recursive, patterns=self._patterns)
        for path in paths:
            if not self._is_read(path):
                state = _state(Path(self._directory) / path)
                if state:
                    yield path, state


def _state(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None  # gone again, or a link to nowhere: there is nothing to read
    return status.st_size, status.st_mtime_ns
