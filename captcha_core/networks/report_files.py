"""The files beside a checkpoint that tell people of it: a model card, figures, pictures.

``report.json`` names them with their digests. So what capq wrote is told from what somebody has
put there or changed, which is never replaced.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic

from ..storage import AnyPath

RECORD = "report.json"
CARD = "README.md"
NAMES = (CARD, "curves.png", "confusions.png", "confidence.png", "mistakes.png")


class Record(pydantic.BaseModel):
    """The contents of ``report.json``.

    Attributes
    ----------
    files
        SHA-256 of each file, by its name.
    evaluation
        Figures on held-out images, as `Evaluation.summary` gives them; empty without such images.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    files: dict[str, str]
    evaluation: dict[str, Any] = {}


def write(folder: Path, files: Mapping[str, bytes], evaluation: dict[str, Any]) -> None:
    """Write the files, and the record of them, into a folder that nobody reads yet."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    record = Record(files={name: _digest(data) for name, data in files.items()}, evaluation=evaluation)
    (folder / RECORD).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read(folder: AnyPath) -> dict[str, bytes]:
    """Return the report's files and the record by name; nothing where there is no report."""
    record = _record(folder)
    names = [RECORD, *record.files] if record else []
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def is_report(path: AnyPath) -> bool:
    """Tell whether a file is as capq wrote it: the record, or one that the record beside it names."""
    record = _record(path.parent)
    if record is None:
        return False
    return path.name == RECORD or record.files.get(path.name) == _digest(path.read_bytes())


def _record(folder: AnyPath) -> Record | None:
    try:
        record = Record.model_validate_json((folder / RECORD).read_bytes())
    except (OSError, pydantic.ValidationError):
        return None
    return record if set(record.files) <= set(NAMES) else None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
