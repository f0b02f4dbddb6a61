"""TensorBoard events of a run: one file a slice, so that a slice that runs twice leaves no double.

A slice's file is named by the step it starts from and moved into place when the slice has ended:
run again, it takes the place of the first. Each file also opens with a session start, on which
TensorBoard forgets all points past the slice's first image; so a late twin that went further
than the slice that counts is forgotten too.
"""

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MissingExtraError, StorageError
from ..storage import whole_file
from .plan import TrainingPlan

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from .loop import Progress
    from .slices import SliceResult


class SliceEvents:
    """Scalars of one slice over the images seen: loss, accuracy, rate and images a second.

    Parameters
    ----------
    folder
        Where a run's event files lie; made when it is not there.
    from_step, from_images
        Where the slice starts.

    Raises
    ------
    MissingExtraError
        Where the package tensorboard is not installed.
    """

    def __init__(self, folder: Path, from_step: int, from_images: int) -> None:
        try:
            import torch.utils.tensorboard  # noqa: F401
        except ImportError:
            raise MissingExtraError("writing TensorBoard events", "tensorboard") from None
        self._folder = folder
        self._from_step = from_step
        self._from_images = from_images
        self._points: list[tuple[float, Progress]] = []

    def note(self, progress: "Progress") -> None:
        """Keep a point for the file."""
        self._points.append((time.time(), progress))

    def write(self, result: "SliceResult", plan: TrainingPlan) -> Path:
        """Write the slice's file and return it.

        Raises
        ------
        StorageError
            When it cannot be written.
        """
        from torch.utils.tensorboard import SummaryWriter

        # Elsewhere first: TensorBoard reads whatever file below its folder has "tfevents" in its name.
        with tempfile.TemporaryDirectory() as elsewhere:
            with SummaryWriter(elsewhere, purge_step=self._from_images + 1) as writer:
                self._add(writer, result, plan)
            (written,) = Path(elsewhere).iterdir()
            data = written.read_bytes()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot create {self._folder}: {error.strerror or error}") from error
        path = self._folder / f"events.out.tfevents.{self._from_step:09d}"
        with whole_file(path, named=f"slice-{self._from_step:09d}") as file:
            file.write(data)
        return path

    def _add(self, writer: "SummaryWriter", result: "SliceResult", plan: TrainingPlan) -> None:
        for moment, progress in self._points:
            writer.add_scalar("images per second", progress.speed, progress.images, moment)
            if progress.images < result.images:
                writer.add_scalar("loss", progress.loss, progress.images, moment)
                writer.add_scalar("rate", progress.rate, progress.images, moment)
        if result.loss is not None:
            writer.add_scalar("loss", result.loss, result.images)
            writer.add_scalar("rate", plan.rate_at(result.spent), result.images)
        if result.accuracy is not None:
            writer.add_scalar("accuracy", result.accuracy, result.images)
