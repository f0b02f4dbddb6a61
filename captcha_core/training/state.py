"""Training states on disk: ``<run>/state-<step>/`` with ``state.safetensors`` and ``state.json``.

A state is never changed once it has its name, and a slice deletes only what lies before the
step it started from. So a slice that runs twice, or late, cannot hurt a later one: all it may
leave is a state that nobody asked for, which a later slice clears away.
"""

import contextlib
import hashlib
import re
from typing import TYPE_CHECKING, Literal

import pydantic

from ..errors import StorageError, TrainingError
from ..networks.checkpoint import Weights
from ..storage import AnyPath, remove_tree

if TYPE_CHECKING:
    from .run_folder import RunFolder

_TENSORS, _RECORD = "state.safetensors", "state.json"
NAME = re.compile(r"state-(\d{9})")


class StateGoneError(TrainingError):
    """The state a slice should start from is not there: the slice is late, or the folder is another's."""


class Moment(pydantic.BaseModel):
    """One line of a run's history, written at the end of each slice.

    Attributes
    ----------
    step, images, seconds
        Since the run began; seconds are spent training, on whatever machine.
    loss
        Mean over the last steps of the slice.
    accuracy
        Share of held-out images read without a fault, or None without such images.
    rate
        The learning rate.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    step: int
    images: int
    seconds: float
    loss: float | None
    accuracy: float | None
    rate: float


class Tried(pydantic.BaseModel):
    """A start that a trial tried.

    Attributes
    ----------
    initial, rate
        The checkpoint, None for random weights, and the peak learning rate.
    loss
        Mean over images that the short trainings did not see.
    right, count
        How many of them were read without a fault, of how many.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    initial: str | None
    rate: float
    loss: float
    right: int
    count: int


class Decision(pydantic.BaseModel):
    """What a trial came to.

    Attributes
    ----------
    starts
        In the plan's order.
    chosen
        The number of the one that the run starts from.
    folds, images
        Folds of the cross-validation, 1 for none; images that a short training saw.
    temperature
        Fitted on the answers to images that were held out of their fold; None without folds.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    starts: tuple[Tried, ...]
    chosen: int
    folds: int
    images: int
    temperature: float | None


class Best(pydantic.BaseModel):
    """The averaged weights that have read the held-out images best.

    Attributes
    ----------
    step
        After which they were so.
    wrong, loss
        Held-out images read with a fault, and the mean loss.
    looks_since
        Looks at the held-out images since, none of which was better.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    step: int
    wrong: int
    loss: float
    looks_since: int = 0


class Record(pydantic.BaseModel):
    """The contents of ``state.json``."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    plan: str
    step: int = 0
    images: int = 0
    seconds: float = 0.0
    history: tuple[Moment, ...] = ()
    decision: Decision | None = None
    best: Best | None = None
    tensors_sha256: str = ""


def folder(run: AnyPath, step: int) -> AnyPath:
    return run / _name(step)


def _name(step: int) -> str:
    return f"state-{step:09d}"


def save(run: "RunFolder", record: Record, tensors: Weights) -> None:
    """Write a state aside and move it into place; an existing one of that step stays.

    Raises
    ------
    NotOwnerError
        When the folder belongs to another run by now; nothing is written then.
    StorageError
        When it cannot be written.
    """
    import safetensors.numpy

    data = safetensors.numpy.save(tensors)
    record = record.model_copy(update={"tensors_sha256": hashlib.sha256(data).hexdigest()})
    with run.subfolder(_name(record.step), _RECORD) as aside:
        (aside / _TENSORS).write_bytes(data)
        (aside / _RECORD).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")


def load(run: AnyPath, step: int, plan: str) -> tuple[Record, Weights]:
    """Read the state after `step` steps of the plan with that digest.

    Raises
    ------
    StateGoneError
        When there is none.
    TrainingError
        When it is damaged or belongs to another plan.
    StorageError
        When it cannot be read just now.
    """
    import safetensors.numpy

    path = folder(run, step)
    try:
        record = describe(run, step)
        data = (path / _TENSORS).read_bytes()
    except FileNotFoundError:
        saved = ", ".join(map(str, steps(run))) or "none"
        raise StateGoneError(f"no state after step {step} in {run} (there: {saved})") from None
    except OSError as error:
        raise _unreadable(path, error) from error
    if hashlib.sha256(data).hexdigest() != record.tensors_sha256:
        raise TrainingError(f"{path} is damaged, its digest does not match")
    if record.plan != plan:
        raise TrainingError(f"{run} holds a run of another plan")
    return record, safetensors.numpy.load(data)


def describe(run: AnyPath, step: int) -> Record:
    """Read a state's record alone.

    Raises
    ------
    FileNotFoundError
        When there is none.
    TrainingError
        When it is damaged.
    StorageError
        When it cannot be read just now.
    """
    path = folder(run, step)
    try:
        return Record.model_validate_json((path / _RECORD).read_bytes())
    except FileNotFoundError:
        raise
    except pydantic.ValidationError as error:
        raise TrainingError(f"{path} is unreadable ({str(error).splitlines()[0]})") from None
    except OSError as error:
        raise _unreadable(path, error) from error


def steps(run: AnyPath) -> list[int]:
    """Return the steps that states are saved for, ascending."""
    matches = (NAME.fullmatch(path.parent.name) for path in run.glob(f"state-*/{_RECORD}"))
    return sorted(int(match[1]) for match in matches if match)


def prune(run: AnyPath, before: int) -> None:
    """Delete the states of earlier steps than `before`."""
    for step in steps(run):
        if step < before:
            with contextlib.suppress(OSError, StorageError):
                remove_tree(folder(run, step))


def _unreadable(path: AnyPath, error: OSError) -> StorageError:
    return StorageError(f"{path} cannot be read: {error.strerror or error}")
