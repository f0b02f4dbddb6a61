"""Which names are those of images."""

import fnmatch
import re
from collections.abc import Callable, Sequence

from ..images.files import EXTENSIONS

NameFilter = Callable[[str], bool]
"""Given a path with ``/`` between its parts, returns whether it is to be read."""


def name_filter(patterns: Sequence[str]) -> NameFilter:
    """Return the rule for names: image extensions, or the patterns where there are any.

    A pattern with a ``/`` is matched against the whole path, another one against the last part.
    ``*`` and ``?`` stand for any characters, ``[…]`` for one of several.
    """
    if not patterns:
        return _has_image_extension
    whole = _matches_any([pattern for pattern in patterns if "/" in pattern])
    last = _matches_any([pattern for pattern in patterns if "/" not in pattern])
    return lambda path: bool(whole(path) or last(path.rpartition("/")[2]))


def _has_image_extension(path: str) -> bool:
    return path[path.rfind(".") :].lower() in EXTENSIONS


def _matches_any(patterns: Sequence[str]) -> Callable[[str], object]:
    # An empty alternative would match everything; this matches nothing.
    return re.compile("|".join(map(fnmatch.translate, patterns)) or r"(?!)").match
