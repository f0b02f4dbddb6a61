"""What a training leaves for people beside its checkpoint: a model card, and pictures where it can draw."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..evaluation import Evaluation
from ..machine import installed
from ..networks import report_files
from ..networks.checkpoint import Model
from ..reports.evaluation import confidence, confusions
from ..reports.mistakes import mistakes_sheet
from .curves import curves
from .data import Source
from .model_card import model_card
from .state import Moment
from .validation import Validation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)


def write_report(folder: Path, model: Model, validation: Validation, source: Source) -> None:
    """Write the report into a checkpoint's folder that nobody reads yet.

    Curves, confusions and confidence are drawn where matplotlib is installed; the mistakes always.

    Parameters
    ----------
    validation
        Of the network that is written, on images held out of its training.
    source
        Where these images come from.
    """
    evaluation = _evaluation(model, validation)
    files = dict(_pictures(model, evaluation, validation, source))
    files[report_files.CARD] = model_card(model, evaluation, sorted(files)).encode()
    report_files.write(folder, files, evaluation.summary() if evaluation.images else {})


def _evaluation(model: Model, validation: Validation) -> Evaluation:
    if not validation.texts:
        return Evaluation()
    answers = model.codec.decode(validation.logits).answers()
    names = [str(number) for number in range(len(answers))]
    return Evaluation.count(zip(validation.texts, answers, strict=True), names)


def _pictures(
    model: Model, evaluation: Evaluation, validation: Validation, source: Source
) -> Iterator[tuple[str, bytes]]:
    try:
        if installed("matplotlib"):
            yield from _drawn(model, evaluation)
        yield from _mistakes(evaluation, validation, source)
    except Exception:  # whatever a picture lacks, the training is not to be lost for it
        log.exception("not all pictures of the training could be drawn")


def _mistakes(evaluation: Evaluation, validation: Validation, source: Source) -> Iterator[tuple[str, bytes]]:
    if evaluation.mistakes:
        images, _ = source.held_out(len(validation.texts))
        encoded = {mistake.image: _png(images[int(mistake.image)]) for mistake in evaluation.mistakes}
        yield "mistakes.png", _as_png(mistakes_sheet(evaluation.mistakes, encoded))


def _drawn(model: Model, evaluation: Evaluation) -> Iterator[tuple[str, bytes]]:
    history = [Moment.model_validate(moment) for moment in model.training["history"]]
    if history:
        yield "curves.png", _figure_as_png(curves(history, f"{model.training['images']:,} images"))
    if evaluation.images:
        yield "confusions.png", _figure_as_png(confusions(evaluation, model.problem.charset))
        yield "confidence.png", _figure_as_png(confidence(evaluation))


def _figure_as_png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _png(image: npt.NDArray[np.uint8]) -> bytes:
    return _as_png(Image.fromarray(image.squeeze()))


def _as_png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
