"""Notes on this machine's fonts, kept between processes: digests, and which can be read."""

import contextlib
import hashlib
import json
import os
from collections import Counter
from pathlib import Path

import platformdirs
import pydantic
from PIL import ImageFont, features

from ...spec.medley import FontFile
from . import font_check, font_files

_EDITION = 1
"""Raised when the check of fonts changes."""
_MOST_OF_A_FAMILY = 5


class _Note(pydantic.BaseModel):
    """What is known of one file."""

    sha256: str
    family: str
    readable: bool


class _Notes(pydantic.RootModel[dict[str, _Note]]):
    """By path, size and time of change."""


def usable(charset: str) -> tuple[FontFile, ...]:
    """Return the fonts of this machine in which `charset` can be read.

    The first call for a charset looks at every font, some 20 ms each; later ones read
    the notes in the user's cache folder.
    """
    readable = {note.sha256: (path.name, note) for path, note in _noted(charset).items() if note.readable}
    fonts: list[FontFile] = []
    families: Counter[str] = Counter()
    # By digest, so that a large family gives light and heavy files alike.
    for sha256, (name, note) in sorted(readable.items()):
        families[note.family] += 1
        if families[note.family] <= _MOST_OF_A_FAMILY:
            fonts.append(FontFile(name=name, sha256=sha256))
    return tuple(sorted(fonts, key=lambda font: (font.name, font.sha256)))


def _noted(charset: str) -> dict[Path, _Note]:
    file = _file(charset)
    before = _read(file)
    paths = {path: _key(path) for path in font_files.font_files()}
    notes = {path: before.get(key) or _note(path, charset) for path, key in paths.items()}
    now = {paths[path]: note for path, note in notes.items()}
    if now != before:
        _write(file, now)
    return notes


def _note(path: Path, charset: str) -> _Note:
    return _Note(
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        family=_family(path),
        readable=font_check.readable(path, charset),
    )


def _family(path: Path) -> str:
    try:
        return ImageFont.truetype(str(path), 16).getname()[0] or path.stem
    except OSError:
        return path.stem


def _key(path: Path) -> str:
    status = path.stat()
    return f"{path}|{status.st_size}|{status.st_mtime_ns}"


def _file(charset: str) -> Path:
    version = f"{_EDITION} {features.version('freetype2')} {charset}"
    name = hashlib.sha256(version.encode()).hexdigest()[:16]
    return platformdirs.user_cache_path("capq", appauthor=False) / f"fonts-{name}.json"


def _read(file: Path) -> dict[str, _Note]:
    try:
        return _Notes.model_validate_json(file.read_bytes()).root
    except (OSError, ValueError):
        return {}


def _write(file: Path, notes: dict[str, _Note]) -> None:
    """Keep the notes where that is possible; without them the next process looks again."""
    aside = file.with_name(f"{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps({key: note.model_dump() for key, note in notes.items()}))
        aside.replace(file)
