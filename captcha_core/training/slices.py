"""Slices: a bounded stretch of training from one saved state to the next."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from ..errors import CheckpointError, TrainingError
from ..networks import checkpoint, devices
from ..storage import AnyPath
from . import calibration, compilation, prefetch, run_folder, state, suspects
from .data import InMemory, Source
from .early_stop import Watch
from .learner import Learner, as_array
from .loop import Progress, take_steps
from .plan import TrainingPlan
from .report import write_report
from .run_folder import RunFolder
from .trial import decide
from .validation import Validation, validate


@dataclass(frozen=True)
class Runtime:
    """How one machine trains; changes no result beyond rounding.

    Attributes
    ----------
    device
        Where; the best there is when absent.
    compiled
        Use torch.compile, unless it fails; see `compilation.pays`.
    threads
        Background threads that make batches.
    record
        Put into the checkpoint's training record, such as the command.
    """

    device: torch.device | None = None
    compiled: bool = False
    threads: int = 1
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SliceResult:
    """What a slice did.

    Attributes
    ----------
    step
        Where the next slice starts; a state is saved there. 0 while the plan's trial goes on.
    images, seconds
        Since the run began.
    spent
        Share of the budget used up, 0 to 1.
    finished
        The budget is spent, or the run was stopped early, and the checkpoint is written.
    loss, accuracy
        Mean over the slice's last steps; share of held-out images read without a fault.
    checkpoint
        Its folder, once finished.
    round
        Of self-training, where the plan has rounds.
    """

    step: int
    images: int
    seconds: float
    spent: float
    finished: bool
    loss: float | None
    accuracy: float | None
    checkpoint: AnyPath | None
    round: int = 0


def train_slice(
    run: AnyPath | RunFolder,
    plan: TrainingPlan,
    source: Source,
    from_step: int = 0,
    max_seconds: float | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
    report: Callable[[Progress], None] = lambda progress: None,
    runtime: Runtime | None = None,
) -> SliceResult:
    """Train from a saved state for a bounded time, and save the state again.

    Parameters
    ----------
    run
        The run's folder, shared by the machines that train it; with its token where another run
        may come to the folder.
    source
        Images; its stream is taken up where the state left it.
    from_step
        The step of a saved state, or 0 to begin.
    max_seconds
        Ends the slice at the next step, but never before its first one; None trains until
        the budget is spent.
    stop
        Asked before each step; true ends the slice early, with its state saved.
    report
        Called about once a second.
    runtime
        How this machine trains.

    Raises
    ------
    LabelError
        Before the first step, when a text may come up that the network cannot learn.
    StateGoneError
        When the state of `from_step` is gone: a later slice has been here.
    NotOwnerError
        When the folder belongs to another run by now; nothing is written then.
    TrainingError
        When the loss is no longer finite, or the state is another plan's; nothing is saved.
    """
    _check_fits(plan, source)
    folder = run if isinstance(run, RunFolder) else RunFolder(run)
    runtime = runtime or Runtime()
    started, decision = time.monotonic(), None
    if plan.trial is not None and from_step == 0:
        with own_generators():
            device = runtime.device or devices.choose()
            decision = decide(folder, plan, plan.trial, source, device, max_seconds, stop, report)
        if decision is None:
            return SliceResult(0, 0, 0.0, 0.0, False, None, None, None)
    weighted = _weighted(source, plan, folder)
    left = None if max_seconds is None else max(0.0, max_seconds - (time.monotonic() - started))
    try:
        with own_generators():
            learner, start = _load_state(folder.path, plan, from_step, runtime, decision)
            watch = _watch(learner, source, start)
            channels = plan.problem.channels
            batches = prefetch.batches(source, start.images, plan.batch, channels, runtime.threads)
            with closing(batches):
                end, losses = take_steps(learner, start, batches, left, stop, report, watch, weighted.weights)
            learner.check()
            finished = plan.spent(end.images, end.seconds) >= 1 or (watch is not None and watch.stopped)
            if watch is not None:
                end = _with_best(end, watch, last=finished)
            validation = _validate(learner, source) if end.step > start.step or finished else None
    except RuntimeError as error:
        if not (runtime.compiled and compilation.is_fault(error)):
            raise
        compilation.give_up(error)  # nothing is saved yet, so the slice begins again
        plain = replace(runtime, compiled=False)
        return train_slice(run, plan, source, from_step, max_seconds, stop=stop, report=report, runtime=plain)
    loss = float(np.mean(losses)) if losses else None
    accuracy = validation.accuracy if validation else None
    end = _with_moment(end, plan, loss, accuracy)
    if end.step > start.step:
        state.save(folder, end, learner.tensors())
        state.prune(folder.path, from_step)
    path = None
    if finished and validation:
        training = _training_record(end, plan, source, runtime.record)
        model = _model(learner, training, validation, end.decision)
        _keep_suspects(folder, model, source, plan, validation)
        path = publish(folder, model, _weights(learner), validation, source)
    spent = 1.0 if finished else plan.spent(end.images, end.seconds)
    return SliceResult(end.step, end.images, end.seconds, spent, finished, loss, accuracy, path)


def own_generators() -> AbstractContextManager[None]:
    """Return a context that leaves PyTorch's global generators as they were before it."""
    return torch.random.fork_rng(devices=range(torch.cuda.device_count()))


def export(
    run: AnyPath,
    plan: TrainingPlan,
    source: Source,
    step: int,
    target: AnyPath,
    record: dict[str, Any] | None = None,
) -> AnyPath:
    """Write a checkpoint of an unfinished run, from the state after `step` steps.

    Raises
    ------
    StateGoneError
        When there is no such state.
    OutputExistsError, ForeignOutputError, StorageError
        As `checkpoint.save` raises them.
    """
    learner, saved = _load_state(run, plan, step, Runtime(torch.device("cpu")))
    training = _training_record(saved, plan, source, record or {})
    model = _model(learner, training, _validate(learner, source), saved.decision)
    checkpoint.save(target, model, _weights(learner))
    return target


def _check_fits(plan: TrainingPlan, source: Source) -> None:
    if source.image_size != plan.problem.size:
        have, want = ("×".join(map(str, size)) for size in (source.image_size, plan.problem.size))
        raise TrainingError(f"the images are {have} and the network's input is {want}")
    source.check(plan.problem)


def _load_state(
    run: AnyPath, plan: TrainingPlan, step: int, runtime: Runtime, decision: state.Decision | None = None
) -> tuple[Learner, state.Record]:
    """Return a learner and its record after `step` steps; `decision` is that of the trial before step 0."""
    device = runtime.device or devices.choose()
    if step == 0:
        record = state.Record(plan=plan.digest, decision=decision)
        return Learner(_started(plan, record), device, compiled=runtime.compiled), record
    record, tensors = state.load(run, step, plan.digest)
    learner = Learner(_started(plan, record), device, compiled=runtime.compiled, resumed=True)
    learner.restore(tensors, step)
    return learner, record


def _started(plan: TrainingPlan, record: state.Record) -> TrainingPlan:
    """Return the plan with the start that its trial has chosen, if it has one."""
    if plan.trial is None or record.decision is None:
        return plan
    return plan.started_from(plan.trial.starts[record.decision.chosen])


def _watch(learner: Learner, source: Source, start: state.Record) -> Watch | None:
    """Return what ends the run early, if its plan says so and there are held-out images to judge by."""
    rule = learner.plan.early_stop
    if rule is None:
        return None
    held_out = source.held_out(learner.plan.validation)
    return Watch(learner, held_out, rule, start.best) if held_out[1] else None


def _with_best(end: state.Record, watch: Watch, *, last: bool) -> state.Record:
    """Return a slice's record with the best weights' so far; the last step of a run is looked at too."""
    if last:
        watch.look(end.step)
    return end.model_copy(update={"best": watch.best})


def _validate(learner: Learner, source: Source) -> Validation:
    held_out = source.held_out(learner.plan.validation)
    return validate(learner.averaged(best=True), learner.codec, held_out, learner.plan, learner.device)


def _with_moment(
    record: state.Record, plan: TrainingPlan, loss: float | None, accuracy: float | None
) -> state.Record:
    rate = plan.rate_at(plan.spent(record.images, record.seconds))
    moment = state.Moment(
        step=record.step,
        images=record.images,
        seconds=record.seconds,
        loss=loss,
        accuracy=accuracy,
        rate=rate,
    )
    if record.history and record.history[-1].step == record.step:
        return record
    return record.model_copy(update={"history": (*record.history, moment)})


def _weighted(source: Source, plan: TrainingPlan, run: RunFolder) -> Source:
    """Return the source, with suspicious labels at the weight that the plan leaves them."""
    if plan.trust == 1 or not isinstance(source, InMemory):
        return source
    return source.weighted(suspects.weights(run.path, plan.trust))


def _keep_suspects(
    run: RunFolder, model: checkpoint.Model, source: Source, plan: TrainingPlan, validation: Validation
) -> None:
    """Look for suspicious labels among the held-out ones, and keep them in the run's folder."""
    files = source.held_out_files(plan.validation)[: len(validation.texts)]
    if files:
        suspicious = suspects.find(validation.logits, model.codec, validation.texts, files, "held out")
        suspects.save(run, suspicious, "held out")


def publish(
    run: RunFolder,
    model: checkpoint.Model,
    weights: checkpoint.Weights,
    validation: Validation,
    source: Source,
) -> AnyPath:
    """Write the finished checkpoint into the run's folder, unless a twin of this slice has done so.

    Parameters
    ----------
    validation, source
        For the report beside it: what the network reads of the source's held-out images.
    """
    target = run.path / run_folder.CHECKPOINT
    if not _is_published(target, model.training):
        with run.subfolder(run_folder.CHECKPOINT, checkpoint.MODEL_FILE, _replaceable) as aside:
            write_report(aside, checkpoint.write(aside, model, weights), validation, source)
    return target


def _replaceable(path: AnyPath) -> None:
    checkpoint.check_output(path, overwrite=True)


def _is_published(target: AnyPath, training: dict[str, Any]) -> bool:
    try:
        published = checkpoint.load(target).model.training
    except CheckpointError:
        return False
    return all(published.get(field) == training[field] for field in ("plan_digest", "step"))


def _training_record(
    record: state.Record, plan: TrainingPlan, source: Source, extra: dict[str, Any]
) -> dict[str, Any]:
    """Return how a network came to be, as its checkpoint keeps it."""
    return {
        "plan": plan.model_dump(mode="json"),
        "plan_digest": record.plan,
        "source": source.describe(),
        "history": [moment.model_dump(mode="json") for moment in record.history],
        "step": record.step,
        "images": record.images,
        "seconds": round(record.seconds, 1),
        "torch": torch.__version__,
        **({"trial": record.decision.model_dump(mode="json")} if record.decision else {}),
        **({"best_step": record.best.step} if record.best else {}),
        **extra,
    }


def _model(
    learner: Learner, training: dict[str, Any], validation: Validation, decision: state.Decision | None
) -> checkpoint.Model:
    plan = learner.plan
    temperature = calibration.fit(validation.logits, learner.codec, validation.texts)
    if decision is not None and decision.temperature is not None:
        temperature = decision.temperature
    return checkpoint.Model(
        architecture=plan.architecture,
        settings=plan.settings,
        problem=plan.problem,
        scaling=plan.scaling,
        resize_rule=plan.resize_rule,
        trained_on_resized=plan.trained_on_resized,
        temperature=temperature,
        training=training,
    )


def _weights(learner: Learner) -> checkpoint.Weights:
    return {name: as_array(tensor) for name, tensor in (learner.best or learner.average).items()}
