"""Labels in CVAT's XML for images: an attribute with a text."""

from collections.abc import Iterator
from xml.etree import ElementTree

from ..errors import LabelFileError, StorageError
from ..storage import Folder
from .rows import LabelFile, LabelRow


def read_cvat(folder: Folder, name: str) -> LabelFile | None:
    """Understand an export; None when the file is none of CVAT's."""
    try:
        with folder.open(name) as file:
            root = ElementTree.parse(file).getroot()  # noqa: S314 (expat refuses expansions without bounds)
    except ElementTree.ParseError as error:
        raise LabelFileError(f"{name}: no XML: {error}") from None
    except OSError as error:
        raise StorageError(f"cannot read {folder.url}/{name}: {error.strerror or error}") from error
    if root.tag != "annotations" or root.find("image") is None:
        return None
    rows = list(_rows(root))
    return LabelFile(name, "CVAT's attributes", lambda: iter(rows))


def _rows(root: ElementTree.Element) -> Iterator[LabelRow]:
    for number, image in enumerate(root.iter("image"), start=1):
        texts = [(attribute.text or "").strip() for attribute in image.iter("attribute")]
        yield LabelRow(number, image.get("name", ""), " ".join(filter(None, texts)))
