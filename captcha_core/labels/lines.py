"""Labels a line each, in the numeric order of the images' names: ``labels.txt``."""

from collections.abc import Iterator, Sequence

from ..errors import LabelFileError, counted
from ..storage import Folder
from .encodings import encoding_note, encoding_of, lines, open_text
from .listing import numeric_order
from .matching import has_image_extension
from .rows import LabelFile, LabelRow


def read_lines(folder: Folder, name: str, images: Sequence[str]) -> LabelFile:
    """Understand a file of labels for these images.

    Raises
    ------
    LabelFileError
        When it has another number of labels, or its lines name files.
    """
    encoding = encoding_of(folder, name)
    with open_text(folder, name, encoding) as text:
        labels = [line.strip() for line in lines(text) if line.strip()]
    if len(labels) != len(images):
        raise LabelFileError(
            f"{name} has {counted(len(labels), 'label')} for {counted(len(images), 'image')} in {folder.url}"
        )
    if any(map(_names_a_file, labels)):
        raise LabelFileError(f"{name} names files that are not in {folder.url}")
    ordered = sorted(images, key=numeric_order)

    def rows() -> Iterator[LabelRow]:
        for number, (image, label) in enumerate(zip(ordered, labels, strict=True), start=1):
            yield LabelRow(number, image, label)

    note = encoding_note(name, encoding)
    return LabelFile(name, "a label a line, in the numeric order of the names", rows, note)


def _names_a_file(label: str) -> bool:
    return any(has_image_extension(part) for part in label.replace(",", " ").replace(";", " ").split())
