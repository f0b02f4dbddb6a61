"""Font files of this machine: system folders, the user's, and those that packages bring."""

import functools
import os
import sys
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path

from ...errors import SpecError
from ...spec import fonts
from ...spec.medley import FontFile

EXTENSIONS = (".ttf", ".otf")
_PACKAGED = ("font-", "fonts-", "ttf-")
"""Beginnings of the names of packages that bring nothing but fonts."""
_MATPLOTLIB = Path("mpl-data", "fonts", "ttf")


def font_files() -> list[Path]:
    """Return the font files of this machine, in the order of their names."""
    paths = {path for folder in _folders() for path in _within(folder)} | set(_of_packages())
    return sorted(paths, key=lambda path: (path.name, str(path)))


def find(font: FontFile) -> Path:
    """Return the file that a spec means, wherever this machine keeps it.

    Raises
    ------
    SpecError
        When no file of that name here has that digest.
    """
    if os.sep in font.name:
        return fonts.check(font.name, font.sha256)
    candidates = _by_name().get(font.name, ())
    for path in candidates:
        if fonts.sha256(str(path)) == font.sha256:
            return path
    reason = "differs from the one the spec was made with" if candidates else "is in no font folder"
    raise SpecError(f"font {font.name} {reason}: install that file here")


@functools.cache
def _by_name() -> dict[str, list[Path]]:
    names: dict[str, list[Path]] = {}
    for path in font_files():
        names.setdefault(path.name, []).append(path)
    return names


def _folders() -> Iterator[Path]:
    home = Path.home()
    yield from (home / ".fonts", home / ".local/share/fonts")
    data = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    yield from (Path(folder) / "fonts" for folder in data.split(":") if folder)
    if sys.platform == "darwin":
        yield from (home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts"))
    if sys.platform == "win32":
        yield Path(os.environ.get("WINDIR", "C:/Windows"), "Fonts")


def _within(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder, followlinks=True):
        for name in names:
            if name.lower().endswith(EXTENSIONS):
                yield Path(root, name)


def _of_packages() -> Iterator[Path]:
    yield fonts.find(fonts.BUILT_IN)
    matplotlib = util.find_spec("matplotlib")
    for folder in (matplotlib.submodule_search_locations if matplotlib else None) or ():
        yield from _within(Path(folder) / _MATPLOTLIB)
    for package in metadata.distributions():
        if package.name.lower().replace("_", "-").startswith(_PACKAGED):
            names = (file for file in package.files or () if file.name.lower().endswith(EXTENSIONS))
            yield from (Path(str(file.locate())) for file in names)
