"""The contact sheet of wrongly read images."""

from collections.abc import Mapping, Sequence

from PIL import Image

from ..evaluation import Mistake
from ..evaluation.alignment import align_characters
from ..images.decoding import decode
from .contact_sheet import Caption, Span, contact_sheet

_RED = (200, 30, 20)
_GREY = (130, 130, 130)


def mistakes_sheet(
    mistakes: Sequence[Mistake], images: Mapping[str, bytes], columns: int | None = None
) -> Image.Image:
    """Return a sheet of images, each with the true text, the text read and its confidence; faults are red.

    Parameters
    ----------
    mistakes
        At least one.
    images
        The encoded images by `Mistake.image`.
    columns
        Images in a row.
    """
    arrays = [decode(images[mistake.image]) for mistake in mistakes]
    return contact_sheet(arrays, [_caption(mistake) for mistake in mistakes], columns)


def _caption(mistake: Mistake) -> Caption:
    pairs = list(align_characters(mistake.true, mistake.read))
    true_line = [_span(true, read) for _, true, read in pairs]
    read_line = [_span(read, true) for _, true, read in pairs]
    return (
        [Span("true ", _GREY), *true_line],
        [Span("read ", _GREY), *read_line],
        [Span(f"{mistake.confidence:.1%}", _GREY)],
    )


def _span(character: str, counterpart: str) -> Span:
    """Return a character, red if it differs from its counterpart; a middle dot for no character."""
    return Span(character) if character == counterpart else Span(character or "·", _RED)
