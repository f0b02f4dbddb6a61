"""The images of a reading, in their order, with what is known of each before it is read."""

from collections.abc import Callable, Iterable, Iterator

from ..inputs import Entry
from ..inputs.dictionary import DiskDictionary
from ..inputs.labels import Label, open_labels
from ..tables import Row
from ..tables.formats import read_table
from .plan import ReadingPlan


def entries(plan: ReadingPlan) -> Iterator[Entry]:
    """Yield the images that a plan's source holds, streaming.

    With labels where the plan names them, and with the rows of the earlier reading that the
    plan keeps.
    """
    inputs = plan.source.open()
    listed = inputs.entries()
    if plan.labels:
        listed = with_labels(listed, open_labels(plan.labels, inputs.entries))
    kept_since = plan.kept_since
    if kept_since is None:
        return listed
    return with_rows(listed, read_table(plan.out), lambda entry: inputs.modified(entry) > kept_since)


def with_labels(entries: Iterable[Entry], label: Label) -> Iterator[Entry]:
    """Yield the images with their ground-truth labels, where these are known."""
    return (entry._replace(label=label(entry)) for entry in entries)


def with_rows(
    entries: Iterable[Entry], rows: Iterable[Row], changed: Callable[[Entry], bool]
) -> Iterator[Entry]:
    """Yield the images with their rows of an earlier reading, which are kept.

    An image that could not be read then, or that has changed, is read again. Rows of images
    that are no longer there come last, so that no row is ever lost.

    Parameters
    ----------
    rows
        In any order; they are put on disk first.
    changed
        Whether an image has changed since.
    """
    earlier = DiskDictionary((row.path, row.to_json()) for row in rows if not row.error)
    for entry in entries:
        row_json = earlier.take(entry.path)
        if row_json is None or changed(entry):
            yield entry
        else:
            yield entry._replace(row=Row.from_json(row_json))
    for row_json in earlier.texts():
        row = Row.from_json(row_json)
        yield Entry(path=row.path, row=row, label=row.label)
    earlier.close()
