"""The font files that a spec names: located, and checked by digest on the machine that renders."""

import functools
import hashlib
from importlib import resources
from pathlib import Path

from ..errors import SpecError

BUILT_IN = "DroidSansMono"


def find(font: str) -> Path:
    """Return the path of a font file: the built-in font by its name, others by their path.

    Raises
    ------
    SpecError
        When there is no such file.
    """
    if font == BUILT_IN:
        return Path(str(resources.files("captcha") / "data" / "DroidSansMono.ttf"))
    path = Path(font).expanduser()
    if not path.is_file():
        raise SpecError(f"no font at {font}: give the path of a .ttf or .otf file, or {BUILT_IN!r}")
    return path


@functools.lru_cache(maxsize=256)
def sha256(font: str) -> str:
    """Return the SHA-256 of the font's file, in hex."""
    return hashlib.sha256(find(font).read_bytes()).hexdigest()


def check(font: str, expected_sha256: str) -> Path:
    """Return the path of a font file, after checking that it is the one the spec was made with.

    Parameters
    ----------
    expected_sha256
        SHA-256 of the file, in hex.

    Raises
    ------
    SpecError
        When this machine has another file under that name.
    """
    if sha256(font) != expected_sha256:
        raise SpecError(f"font {font} differs from the one the spec was made with: copy that file here")
    return find(font)
