"""Which image a name in a label file means."""

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import unquote

from ..images.files import EXTENSIONS

Match = Callable[[str], str | None]
"""Returns the path of the image that a name means; None when there is none, or more than one."""

_UPLOADED = re.compile(r"[0-9a-f]{8}-")  # what Label Studio puts before the name of an uploaded file


class ImageNames:
    """Finds images by the names that label files call them.

    A name is a path from the label file's folder or from the root, with ``/`` or ``\\``. Otherwise
    its last part is looked for, without regard to case, and then without extension; it counts if
    it is one image's alone.
    """

    def __init__(self, images: Sequence[str]) -> None:
        self._images = images

    def below(self, folder: str) -> Match:
        """Return how names of a label file that lies in `folder` are understood."""

        def match(name: str) -> str | None:
            path = normalised(name)
            if not path:
                return None
            if folder + path in self._paths:
                return folder + path
            if path in self._paths:
                return path
            return self._by_last_part(path)

        return match

    @functools.cached_property
    def _paths(self) -> frozenset[str]:
        return frozenset(self._images)

    def _by_last_part(self, path: str) -> str | None:
        last = _key(path.rpartition("/")[2])
        for name in (last, _UPLOADED.sub("", last, count=1)):
            image = self._by_name.get(name)
            if image:
                return image
        return None if has_image_extension(last) else self._by_stem.get(last)

    @functools.cached_property
    def _by_name(self) -> dict[str, str | None]:
        return _unique((_key(path.rpartition("/")[2]), path) for path in self._images)

    @functools.cached_property
    def _by_stem(self) -> dict[str, str | None]:
        names = ((path.rpartition("/")[2].rpartition(".")[0], path) for path in self._images)
        return _unique((_key(name), path) for name, path in names)


def normalised(name: str) -> str:
    """Return a name as a path: of a URL its path, with ``/``, without ``./`` before it."""
    path = name.strip().replace("\\", "/")
    if "://" in path or path.startswith("/data/"):
        path = unquote(path.partition("?d=")[2] or path.partition("?")[0])
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return path


def has_image_extension(name: str) -> bool:
    return name[name.rfind(".") :].lower() in EXTENSIONS


def looks_like_an_image(name: str) -> str | None:
    """Return the path that a name means, by its extension alone."""
    path = normalised(name)
    return path if has_image_extension(path) else None


def _key(name: str) -> str:
    """Return a name without regard to case, and to how accents are encoded (macOS takes them apart)."""
    return name.casefold() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def _unique(items: Iterable[tuple[str, str]]) -> dict[str, str | None]:
    result: dict[str, str | None] = {}
    for name, path in items:
        result[name] = None if name in result else path
    return result
