"""The contact sheet of images that were read with a fault."""

from collections.abc import Mapping, Sequence

from PIL import Image

from ..evaluation import Mistake
from ..evaluation.alignment import align_characters
from ..images.decoding import decode
from .contact_sheet import Caption, Run, contact_sheet

_FAULT = (200, 30, 20)
_QUIET = (130, 130, 130)


def mistakes_sheet(
    mistakes: Sequence[Mistake], images: Mapping[str, bytes], columns: int | None = None
) -> Image.Image:
    """Lay out images, each with what it says, what was read (faults in red) and how surely.

    Parameters
    ----------
    mistakes
        At least one.
    images
        The encoded images, by the mistakes' names of them.
    columns
        Images in a row.
    """
    arrays = [decode(images[mistake.image]) for mistake in mistakes]
    return contact_sheet(arrays, [_caption(mistake) for mistake in mistakes], columns)


def _caption(mistake: Mistake) -> Caption:
    steps = list(align_characters(mistake.true, mistake.read))
    true = [_run(own, other) for _, own, other in steps]
    read = [_run(own, other) for _, other, own in steps]
    return (
        [Run("true ", _QUIET), *true],
        [Run("read ", _QUIET), *read],
        [Run(f"{mistake.confidence:.1%}", _QUIET)],
    )


def _run(own: str, other: str) -> Run:
    """Return a character, red where it is at fault; a middle dot where it has no counterpart."""
    return Run(own) if own == other else Run(own or "·", _FAULT)
