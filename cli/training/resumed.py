"""The request of a run that goes on: from its folder, with the options it was begun with."""

import secrets
from typing import Any

import pydantic

from captcha_core.errors import InputError, StorageError, TrainingError, counted, first_fault
from captcha_core.storage import AnyPath, Folder
from captcha_core.training import (
    TrainingPlan,
    history,
    run_folder,
    state,
)
from workers.kinds.train import DatasetSource, SpecSource, TrainRequest

from ..terminal import note
from .descriptions import described


def resumed_request(run_path: AnyPath, out: str, *, overwrite: bool) -> TrainRequest:
    """Return the request of the run in a folder, from its newest state on, under a token of its own.

    A run whose folder was moved or renamed goes on where it lies now.

    Raises
    ------
    InputError
        When the images that it learns from are no longer there.
    TrainingError
        When the folder holds no run, or one that this version cannot go on with.
    StorageError
        When it cannot be read.
    """
    request, plan = _read_plan(run_path)
    if request.out != out:
        note(f"the run was begun for {request.out}")
    request = request.model_copy(
        update={
            "token": secrets.token_hex(8),
            "run": str(run_path),
            "out": out,
            "overwrite": overwrite or request.overwrite,
        }
    )
    _check_source(request)
    note(described(plan, request.source))
    if request.unlabelled:
        images, spent = history.reached(run_path, plan)
        note(f"going on after {counted(images, 'image')}")
        return request.model_copy(update={"from_images": images, "from_spent": spent})
    steps = state.steps(run_path)
    if not steps:
        return request
    record, _ = state.load(run_path, steps[-1], plan.digest)
    note(f"going on after {counted(record.images, 'image')}")
    reached = {"from_step": record.step, "from_images": record.images}
    return request.model_copy(update=reached | {"from_spent": plan.spent(record.images, record.seconds)})


def _read_plan(run_path: AnyPath) -> tuple[TrainRequest, TrainingPlan]:
    path = run_path / run_folder.PLAN
    try:
        request = TrainRequest.model_validate_json(path.read_bytes())
        return request, TrainingPlan.model_validate(request.plan)
    except (FileNotFoundError, NotADirectoryError):
        raise TrainingError(f"nothing to resume: {run_path} holds no run") from None
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from error
    except pydantic.ValidationError as error:
        raise TrainingError(
            f"{path} is damaged or from another version of capq ({first_fault(error)})"
        ) from None


def _check_source(request: TrainRequest) -> None:
    if isinstance(request.source, DatasetSource) and not Folder(request.source.url).exists():
        raise InputError(f"the run learns from {request.source.url}, which is no longer there")


def begun_with(request: TrainRequest) -> dict[str, Any]:
    """Return the options that a run was begun with; of one from before they were kept, its dataset."""
    if request.options or isinstance(request.source, SpecSource):
        return request.options
    return {"dataset": request.source.url}
