"""The history of a training, of a finished checkpoint or of a run under way."""

import pydantic

from ..errors import CheckpointError, TrainingError, first_fault
from ..networks import checkpoint
from ..storage import AnyPath, as_path
from . import run_folder, state
from .plan import TrainingPlan
from .state import Moment

_MOMENTS = pydantic.TypeAdapter(tuple[Moment, ...])


def read(name_or_path: str) -> tuple[Moment, ...]:
    """Return the moments of a training, in order.

    Parameters
    ----------
    name_or_path
        A checkpoint's folder or a shipped name; or a run's folder, ``<out>.run``, which is
        also found by the name of the checkpoint it will become. Of a run of several rounds, it is
        the history of the newest; of its checkpoint, that of the last training.

    Raises
    ------
    CheckpointError
        When there is no such checkpoint, or its history is another program's.
    TrainingError
        When the newest state of a run cannot be read.
    """
    path = as_path(name_or_path)
    if not (path / checkpoint.MODEL_FILE).is_file():
        for run in (path, path.with_name(f"{path.name}.run")):
            begun = [folder for folder in (run, *run_folder.rounds(run)) if state.steps(folder)]
            if begun:
                return _of_run(begun[-1])
    return _of_checkpoint(checkpoint.find(name_or_path))


def reached(run: AnyPath, plan: TrainingPlan) -> tuple[int, float]:
    """Return how many images a run in a folder has been trained on, and the share of it that is done."""
    images, spent = 0, 0.0
    trainings = plan.self_training.trainings if plan.self_training else 1
    for path in run_folder.rounds(run):
        steps = state.steps(path)
        if (path / run_folder.CHECKPOINT).is_dir():
            images += int(checkpoint.describe(path / run_folder.CHECKPOINT).training["images"])
            spent += 1 / trainings
        elif steps:
            record = state.describe(path, steps[-1])
            images += record.images
            spent += plan.spent(record.images, record.seconds) / trainings
    return images, min(1.0, spent)


def _of_run(run: AnyPath) -> tuple[Moment, ...]:
    """Read the newest state's record; a slice that ends meanwhile may delete it for a newer one."""
    gone: FileNotFoundError | None = None
    for _ in range(3):
        try:
            return state.describe(run, state.steps(run)[-1]).history
        except FileNotFoundError as error:
            gone = error
    raise TrainingError(f"{run} kept changing while it was read ({gone})")


def _of_checkpoint(folder: AnyPath) -> tuple[Moment, ...]:
    training = checkpoint.describe(folder).training
    try:
        return _MOMENTS.validate_python(training.get("history", ()))
    except pydantic.ValidationError as error:
        raise CheckpointError(
            f"{folder}: its training history is not capq's ({first_fault(error)})"
        ) from None
