"""Labels in a text file beside each image: ``1.txt`` or ``1.gt.txt`` beside ``1.png``."""

from collections.abc import Iterator, Sequence

from ..storage import Folder
from .encodings import encoding_of, open_text
from .listing import parent, stem
from .rows import LabelFile, LabelRow

_SUFFIXES = (".gt.txt", ".txt")
_MOST_BYTES = 4096


def text_files(images: Sequence[str], others: Sequence[str]) -> dict[str, str]:
    """Return the text file beside each image that has one, by the image's path."""
    texts = {name for name in others if name.lower().endswith(".txt")}
    if not texts:
        return {}
    by_key = {_key(name): name for name in texts}
    return {image: by_key[key] for image in images if (key := parent(image) + stem(image)) in by_key}


def read_beside(folder: Folder, files: dict[str, str]) -> LabelFile:
    """Return the labels in the text files of `text_files`."""

    def rows() -> Iterator[LabelRow]:
        for number, (image, name) in enumerate(files.items(), start=1):
            yield LabelRow(number, image, _text(folder, name))

    return LabelFile("the .txt beside each image", "a label a file", rows)


def _key(name: str) -> str:
    suffix = next(suffix for suffix in _SUFFIXES if name.lower().endswith(suffix))
    return name[: -len(suffix)]


def _text(folder: Folder, name: str) -> str:
    if folder.size(name) > _MOST_BYTES:
        return " " * 2  # no label: what is so long is a text of another sort
    with open_text(folder, name, encoding_of(folder, name)) as text:
        return text.read().strip()
