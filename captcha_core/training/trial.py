"""The trial before a run: short trainings from several starts, of which the best goes on.

Each short training is a part, whose result is kept in the run's folder as soon as it is there. So a
slice may end between two parts, and one that was killed costs its own part only.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pydantic
import torch

from .. import networks
from ..errors import TrainingError
from ..storage import AnyPath
from . import calibration, prefetch, state, suspects
from .arrays import read_array
from .data import InMemory, Source
from .learner import Learner
from .loop import Progress, take_steps
from .plan import TrainingPlan, Trial
from .records import read_record
from .run_folder import RunFolder
from .validation import Validation, validate

_RESULT, _LOGITS = "result.json", "logits.npy"
_COMPARED = 2  # folds that all starts are measured on


class _Result(pydantic.BaseModel):
    """The contents of a part's ``result.json``."""

    plan: str
    loss: float
    right: int
    texts: list[str]


@dataclass(frozen=True)
class _Part:
    """A short training from one start, measured on one fold."""

    start: int
    fold: int

    @property
    def name(self) -> str:
        return f"trial-{self.start}-{self.fold}"


def decide(
    folder: RunFolder,
    plan: TrainingPlan,
    trial: Trial,
    source: Source,
    device: torch.device,
    max_seconds: float | None,
    stop: Callable[[], bool],
    report: Callable[[Progress], None],
) -> state.Decision | None:
    """Train the parts that are missing, for a bounded time, and choose a start.

    Parameters
    ----------
    max_seconds
        Ends the trial after the part that is being trained then; None trains all parts.
    stop
        Asked before each step; true ends the trial at once.

    Returns
    -------
    The decision; None when parts are still missing.

    Raises
    ------
    TrainingError
        When folds are asked for of a source that is not held in memory.
    NotOwnerError
        When the folder belongs to another run by now.
    """
    started = time.monotonic()

    def report_no_progress(progress: Progress) -> None:
        report(replace(progress, step=0, images=0, spent=0.0))  # of the run, which has not begun

    results: dict[_Part, _Result] = {}
    late = False
    for part in _parts(trial, results):
        result = _load(folder.path, part, plan)
        if result is None and not late:
            result = _train(folder, plan, trial, part, source, device, stop, report_no_progress)
            late = max_seconds is not None and time.monotonic() - started >= max_seconds
        if result is None:
            return None
        results[part] = result
    decision = _decision(folder.path, plan, trial, results)
    if isinstance(source, InMemory) and trial.folds > 1:
        _keep_suspects(folder, plan, decision, source)
    return decision


def _keep_suspects(folder: RunFolder, plan: TrainingPlan, decision: state.Decision, source: InMemory) -> None:
    """Look for suspicious labels among the answers out of fold, and keep them in the run's folder."""
    temperature = decision.temperature or 1.0
    codec = networks.codec(plan.architecture, plan.problem, temperature)
    parts = [_Part(decision.chosen, fold) for fold in range(decision.folds)]
    logits = [_logits(folder.path, part) for part in parts]
    labels, files = list[str](), list[str]()
    for part, own in zip(parts, logits, strict=True):
        fold = source.fold(part.fold, decision.folds)
        labels += fold.held_out(len(own))[1]
        files += fold.held_out_files(len(own))
    if files:
        suspicious = suspects.find(np.concatenate(logits), codec, labels, files, "out of fold")
        suspects.save(folder, suspicious, "out of fold")


def _parts(trial: Trial, results: dict[_Part, _Result]) -> Iterator[_Part]:
    """Yield the parts in order; the later ones depend on the results of the earlier ones."""
    for fold in range(trial.folds):
        starts = range(len(trial.starts)) if fold < _COMPARED else [_leader(trial, results)]
        yield from (_Part(start, fold) for start in starts)


def _leader(trial: Trial, results: dict[_Part, _Result]) -> int:
    """Return the number of the start with the lowest loss over the folds that all are measured on."""
    folds = range(min(_COMPARED, trial.folds))
    return min(
        range(len(trial.starts)), key=lambda start: sum(results[_Part(start, fold)].loss for fold in folds)
    )


def _train(
    folder: RunFolder,
    plan: TrainingPlan,
    trial: Trial,
    part: _Part,
    source: Source,
    device: torch.device,
    stop: Callable[[], bool],
    report: Callable[[Progress], None],
) -> _Result | None:
    """Train one part and keep its result; None when it was stopped."""
    short = plan.tried_from(trial.starts[part.start], trial.images)
    if trial.folds > 1:
        if not isinstance(source, InMemory):
            raise TrainingError("cross-validation needs the images in memory, and they are too large for it")
        source = source.fold(part.fold, trial.folds)
    learner = Learner(short, device)
    with closing(prefetch.batches(source, 0, short.batch, short.problem.channels)) as batches:
        end, _ = take_steps(learner, state.Record(plan=short.digest), batches, None, stop, report)
    learner.check()
    if short.spent(end.images, end.seconds) < 1:
        return None
    held_out = source.held_out(plan.validation)
    seen = validate(learner.averaged(), learner.codec, held_out, short, device)
    loss = seen.loss(learner.codec)
    result = _Result(plan=plan.digest, loss=loss, right=seen.right, texts=seen.texts)
    _save(folder, part, result, seen)
    return result


def _save(folder: RunFolder, part: _Part, result: _Result, seen: Validation) -> None:
    with folder.subfolder(part.name, _RESULT) as aside:
        np.save(aside / _LOGITS, seen.logits)
        (aside / _RESULT).write_text(result.model_dump_json(indent=1), encoding="utf-8")


def _load(run: AnyPath, part: _Part, plan: TrainingPlan) -> _Result | None:
    path = run / part.name / _RESULT
    result = read_record(path, _Result)
    if result is not None and result.plan != plan.digest:
        raise TrainingError(f"{run} holds a run of another plan")
    return result


def _decision(
    run: AnyPath, plan: TrainingPlan, trial: Trial, results: dict[_Part, _Result]
) -> state.Decision:
    chosen = _leader(trial, results)
    parts = [[part for part in results if part.start == start] for start in range(len(trial.starts))]
    tried = [
        state.Tried(
            initial=start.initial,
            rate=start.rate,
            loss=float(np.mean([results[part].loss for part in own])),
            right=sum(results[part].right for part in own),
            count=sum(len(results[part].texts) for part in own),
        )
        for start, own in zip(trial.starts, parts, strict=True)
    ]
    temperature = _temperature(run, plan, parts[chosen], results) if trial.folds > 1 else None
    return state.Decision(
        starts=tuple(tried), chosen=chosen, folds=trial.folds, images=trial.images, temperature=temperature
    )


def _temperature(
    run: AnyPath, plan: TrainingPlan, parts: Sequence[_Part], results: dict[_Part, _Result]
) -> float:
    """Return the temperature that calibrates the answers of the networks that did not see the images."""
    logits = np.concatenate([_logits(run, part) for part in parts])
    texts = [text for part in parts for text in results[part].texts]
    codec = networks.codec(plan.architecture, plan.problem)
    return calibration.fit(logits, codec, texts, fewest=1)


def _logits(run: AnyPath, part: _Part) -> npt.NDArray[np.float32]:
    logits: npt.NDArray[np.float32] = read_array(run / part.name / _LOGITS)
    return logits
