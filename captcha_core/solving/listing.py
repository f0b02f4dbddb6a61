"""What is known of images before they are read: their labels, and rows of an earlier reading."""

from collections.abc import Callable, Iterable, Iterator

from ..inputs.dictionary import DiskDictionary
from ..inputs.entry import Entry
from ..inputs.labels import Label
from ..tables import Row


def with_labels(entries: Iterable[Entry], label: Label) -> Iterator[Entry]:
    """Yield the images with what they say, where that is known."""
    return (entry._replace(label=label(entry)) for entry in entries)


def with_rows(
    entries: Iterable[Entry], rows: Iterable[Row], changed: Callable[[Entry], bool]
) -> Iterator[Entry]:
    """Yield the images with their rows of an earlier reading, which are kept.

    An image that could not be read then, or that has changed, is read again. Rows of images
    that are no longer there come last, so that no reading is ever lost.

    Parameters
    ----------
    rows
        In any order; they are put on disk first.
    """
    read = DiskDictionary((row.path, row.as_json()) for row in rows if not row.error)
    for entry in entries:
        text = read.take(entry.path)
        if text is None or changed(entry):
            yield entry
        else:
            yield entry._replace(row=Row.from_json(text))
    for text in read.texts():
        row = Row.from_json(text)
        yield Entry(path=row.path, row=row, label=row.label)
    read.close()
