"""The outputs of a training: what is in their way is found before the work."""

from captcha_core.errors import CheckpointError
from captcha_core.networks import checkpoint
from captcha_core.storage import AnyPath, as_path, check_reachable
from captcha_core.storage.overlap import check_apart
from captcha_core.training import (
    TrainingPlan,
    run_folder,
)
from captcha_core.training.plan import Start
from captcha_core.training.side_tables import SUSPECTS, UNLABELLED, SideTable
from workers.kinds.train import DatasetSource, TrainRequest

from ..terminal import note


def check_outputs(request: TrainRequest) -> None:
    """Find out before the work, not after it, that its outputs are in the way of something."""
    inputs = [request.source.url] if isinstance(request.source, DatasetSource) else []
    plan = TrainingPlan.model_validate(request.plan)
    starts = plan.trial.starts if plan.trial else (Start(initial=plan.initial),)
    inputs += [name for start in starts if (name := start.initial) and name not in checkpoint.shipped()]
    inputs += [request.unlabelled.url] if request.unlabelled else []
    tables = _tables(request)
    check_apart((request.out, request.run, *(str(table.path) for table in tables)), inputs)
    if request.events:
        check_apart([request.events], [*inputs, request.out, request.run], "events")
        check_reachable(request.events, "events")
    digest = _trained_digest(as_path(request.run))
    checkpoint.check_output(as_path(request.out), overwrite=request.overwrite, digest=digest)
    orphaned = not as_path(request.out).exists()  # the tables of a checkpoint that has been removed
    for table in tables:  # those of a run that has ended may have been published as well
        table.check(overwrite=request.overwrite or bool(digest) or orphaned)
        if orphaned and table.path.exists():
            note(f"{table.path} is of a checkpoint that is no longer there, and will be replaced")


def _tables(request: TrainRequest) -> list[SideTable]:
    """Return the tables that may be written beside the checkpoint, without their rows."""
    tables = [SideTable.beside(request.out, SUSPECTS)] if isinstance(request.source, DatasetSource) else []
    return tables + ([SideTable.beside(request.out, UNLABELLED)] if request.unlabelled else [])


def _trained_digest(run: AnyPath) -> str:
    """Return the digest of a run's finished checkpoint, which may have been published; empty without one."""
    try:
        return checkpoint.describe(run / run_folder.CHECKPOINT).digest
    except CheckpointError:
        return ""
