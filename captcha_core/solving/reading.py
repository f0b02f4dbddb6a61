"""How a reading begins: which images it has before it, in their order, with what is known of them."""

from collections.abc import Iterator

from ..errors import DatasetError
from ..inputs import Entry
from ..inputs.labels import open_labels
from ..storage import Folder
from ..tables.formats import read_table
from .batches import Batches
from .listing import with_labels, with_rows
from .plan import PLAN, BatchPlan, Origin


def begin(plan: BatchPlan, *, overwrite: bool = False) -> Batches:
    """Start a reading, or go on with the one that was begun for the same table.

    Parameters
    ----------
    overwrite
        Replace a table that is there; otherwise its rows are kept where the images are as
        they were.

    Raises
    ------
    DatasetError
        When the table, or what was begun, is of something else.
    """
    begun = Folder(Batches.place(plan.out)).exists(PLAN)
    since = None if overwrite or begun else kept_since(plan)
    return Batches.begin(plan.model_copy(update={"kept_since": since}), replace=overwrite)


def units(batches: Batches) -> Iterator[int]:
    """Yield the number of each batch that can be read: those there are, then the rest while it is listed."""
    yield from range(batches.written())
    if batches.listed is None:
        yield from batches.extend(entries(batches.plan))


def kept_since(plan: BatchPlan) -> float | None:
    """Return when the reading began whose table is there already; None when there is no table.

    Its rows are then kept where the images are as they were.

    Raises
    ------
    DatasetError
        When that table is of other images, of another network, decoded otherwise, or of nobody
        knows what.
    """
    parent, _, name = plan.out.rpartition("/")
    if not Folder(parent or "/").exists(name):
        return None
    origin = Origin.find(plan.out)
    advice = "add --overwrite to replace it, or give another --out"
    if origin is None:
        raise DatasetError(f"{plan.out} exists, and nothing tells what it was read from: {advice}")
    if not origin.source.same_paths(plan.source):
        raise DatasetError(f"{plan.out} is of the images of {origin.source.root}: {advice}")
    if origin.checkpoint != plan.checkpoint:
        raise DatasetError(f"{plan.out} was read with another network: {advice}")
    if origin.decoding != plan.decoding:
        options = origin.decoding.options
        how = f"with {options}" if options else "without --length or --beam"
        raise DatasetError(f"{plan.out} was read {how}: {advice}")
    if origin.characters != plan.characters:
        has = "has" if origin.characters else "lacks"
        raise DatasetError(f"{plan.out} {has} the characters' confidences: {advice}")
    return origin.begun


def entries(plan: BatchPlan) -> Iterator[Entry]:
    """Yield the images that a plan has before it, streaming."""
    inputs = plan.source.open()
    found = inputs.entries()
    if plan.labels:
        found = with_labels(found, open_labels(plan.labels, inputs.entries))
    since = plan.kept_since
    if since is None:
        return found
    return with_rows(found, read_table(plan.out), lambda entry: inputs.modified(entry) > since)
