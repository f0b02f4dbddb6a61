"""The folders that capq writes to without being told to: are they writable, and is there room?"""

import os
import shutil
import tempfile
from pathlib import Path

from captcha_core.errors import CapqError
from workers.settings import settings

from .section import Check, Section

_LITTLE_ROOM = 1 << 30


def folders() -> Section:
    """Return the folders, with what is free in them."""
    checks = [_folder("temporary files", Path(tempfile.gettempdir())), _folder("this folder", Path.cwd())]
    try:
        home = settings().home
    except CapqError:
        return Section("folders", checks)  # the section of the server shows what is wrong
    return Section("folders", [_folder("CAPQ_HOME", home), *checks])


def _folder(name: str, folder: Path) -> Check:
    """Look at a folder, or at the nearest one above it where it is yet to be made."""
    nearest = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return Check(name, f"{folder} cannot be written", "fault", "choose another one, or its permissions")
    free = shutil.disk_usage(nearest).free
    text = f"{folder}, {free / 1e9:,.1f} GB free"
    if free < _LITTLE_ROOM:
        return Check(name, text, "absent", "little room: delete something")
    return Check(name, text)
