"""Which column of a table, or field of a record, names the image, and which one holds its text."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from ..errors import LabelFileError

_IMAGE = (
    "file_name",
    "filename",
    "file",
    "image",
    "image_path",
    "img_path",
    "image_name",
    "img_name",
    "image_file",
    "img",
    "file_upload",
    "ocr",
    "captcha_image",
    "path",
    "filepath",
    "file_path",
    "image_url",
    "url",
    "name",
    "key",
    "id",
    "image_id",
)
_TEXT = (
    "text",
    "label",
    "labels",
    "words",
    "word",
    "transcription",
    "transcript",
    "ground_truth",
    "gt",
    "truth",
    "captcha",
    "solution",
    "answer",
    "caption",
    "value",
    "string",
    "target",
    "code",
    "ocr_text",
)
_UNUSED = frozenset(
    {
        "annotator",
        "annotation_id",
        "created_at",
        "updated_at",
        "lead_time",
        "split",
        "width",
        "height",
        "confidence",
        "error",
    }
)
_READ_BY_A_NETWORK = ("path", "text", "confidence", "error")


class Columns(NamedTuple):
    """Where in a row an image and its text are.

    Attributes
    ----------
    image, text
        Their numbers, from 0.
    read
        Whether the text is what a network read, in a results table of capq.
    """

    image: int
    text: int
    read: bool = False


def normalised_header(cells: Iterable[str]) -> list[str]:
    """Return the names of columns in small letters, with ``_`` for blanks and hyphens."""
    return [cell.strip().strip("\ufeff").casefold().replace(" ", "_").replace("-", "_") for cell in cells]


def named_columns(header: Sequence[str], file: str) -> Columns | None:
    """Return the columns that a header names; None when it names no column of images.

    Parameters
    ----------
    header
        As `normalised_header` gives it.

    Raises
    ------
    LabelFileError
        When several columns may hold the text.
    """
    image = next((header.index(name) for name in _IMAGE if name in header), None)
    if image is None:
        return None
    if tuple(header[:4]) == _READ_BY_A_NETWORK:
        labelled = "label" in header
        return Columns(0, header.index("label") if labelled else 1, read=not labelled)
    texts = [number for number, name in enumerate(header) if name in _TEXT and number != image]
    if not texts:
        texts = [
            number
            for number, name in enumerate(header)
            if number != image and name not in _UNUSED and name not in _IMAGE
        ]
        if len(texts) != 1 or not header[texts[0]]:
            return None
    if len(texts) > 1:
        raise LabelFileError(
            f"{file} has more than one column of texts: {', '.join(header[number] for number in texts)}"
        )
    return Columns(image, texts[0])


def matching_columns(rows: Sequence[Sequence[str]], is_image: Callable[[str], bool]) -> Columns | None:
    """Return the columns of rows without a header: two, of which one names images in most of the rows."""
    if not rows or any(len(_without_empty_ends(row)) > 2 for row in rows):
        return None
    named = [sum(len(row) > column and is_image(row[column]) for row in rows) for column in (0, 1)]
    image = 0 if named[0] >= named[1] else 1
    return Columns(image, 1 - image) if 2 * named[image] > len(rows) else None


def _without_empty_ends(row: Sequence[str]) -> Sequence[str]:
    end = len(row)
    while end > 2 and not row[end - 1].strip():
        end -= 1
    return row[:end]
