"""Slices: a bounded stretch of training from one saved state to the next."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..codecs.codec import Codec
from ..errors import CheckpointError, TrainingError
from ..images.pixels import with_channels
from ..networks import checkpoint, devices
from . import calibration, compilation, prefetch, run_folder, state
from .data import Batch, Images, Source
from .learner import Learner, as_array
from .plan import TrainingPlan
from .run_folder import RunFolder

_RECENT = 50  # steps that a reported loss is the mean of
_VALIDATION_BATCH = 250


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
class Progress:
    """Where a run is, reported about once a second.

    Attributes
    ----------
    step, images, seconds
        Since the run began.
    spent
        Share of the budget used up, 0 to 1.
    loss
        Mean over the last steps.
    rate
        The learning rate.
    speed
        Images a second in this slice.
    """

    step: int
    images: int
    seconds: float
    spent: float
    loss: float
    rate: float
    speed: float


@dataclass(frozen=True)
class SliceResult:
    """What a slice did.

    Attributes
    ----------
    step
        Where the next slice starts; a state is saved there.
    images, seconds
        Since the run began.
    spent
        Share of the budget used up, 0 to 1.
    finished
        The budget is spent and the checkpoint written.
    loss, accuracy
        Mean over the slice's last steps; share of held-out images read without a fault.
    checkpoint
        Its folder, once finished.
    """

    step: int
    images: int
    seconds: float
    spent: float
    finished: bool
    loss: float | None
    accuracy: float | None
    checkpoint: Path | None


@dataclass(frozen=True)
class Validation:
    """What a network reads on images that it was not trained on.

    Attributes
    ----------
    accuracy
        Share of them read without a fault, None for no images.
    logits
        float32 (n, T, C), of the first ones, as many as `calibration` makes use of.
    texts
        The n ground-truth labels of these.
    """

    accuracy: float | None
    logits: npt.NDArray[np.float32]
    texts: list[str]


def train_slice(
    run: Path | RunFolder,
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
    _check(plan, source)
    folder = run if isinstance(run, RunFolder) else RunFolder(run)
    runtime = runtime or Runtime()
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            learner, start = _load_state(folder.path, plan, from_step, runtime)
            channels = plan.problem.channels
            batches = prefetch.batches(source, start.images, plan.batch, channels, runtime.threads)
            with closing(batches):
                end, losses = _train(learner, start, batches, max_seconds, stop, report)
            learner.check()
            finished = plan.spent(end.images, end.seconds) >= 1
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
        path = _publish(folder, learner, _training_record(end, plan, source, runtime.record), validation)
    spent = plan.spent(end.images, end.seconds)
    return SliceResult(end.step, end.images, end.seconds, spent, finished, loss, accuracy, path)


def export(
    run: Path,
    plan: TrainingPlan,
    source: Source,
    step: int,
    target: Path,
    record: dict[str, Any] | None = None,
) -> Path:
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
    checkpoint.save(target, _model(learner, training, _validate(learner, source)), _weights(learner))
    return target


def validate(
    network: nn.Module, codec: Codec, batch: Batch, plan: TrainingPlan, device: torch.device
) -> Validation:
    """Read images with a network in evaluation mode, in float32 on every device."""
    images, texts = with_channels(batch[0], plan.problem.channels), batch[1]
    right, logits_kept = 0, []
    for start in range(0, len(texts), _VALIDATION_BATCH):
        part = slice(start, start + _VALIDATION_BATCH)
        logits = _logits(network, images[part], plan, device)
        right += sum(a == b for a, b in zip(codec.decode(logits).texts(), texts[part], strict=True))
        room = calibration.enough(logits[0].size) - start
        if room > 0:
            logits_kept.append(logits[:room])
    first = np.concatenate(logits_kept) if logits_kept else np.zeros((0, 0, 0), np.float32)
    return Validation(right / len(texts) if texts else None, first, texts[: len(first)])


def _logits(
    network: nn.Module, images: Images, plan: TrainingPlan, device: torch.device
) -> npt.NDArray[np.float32]:
    with torch.inference_mode():
        inputs = devices.normalised(devices.upload(images, device), plan.scaling.mean, plan.scaling.std)
        logits: npt.NDArray[np.float32] = network(inputs).cpu().numpy()
    return logits


def _check(plan: TrainingPlan, source: Source) -> None:
    if source.image_size != plan.problem.size:
        have, want = ("×".join(map(str, size)) for size in (source.image_size, plan.problem.size))
        raise TrainingError(f"the images are {have} and the network's input is {want}")
    source.check(plan.problem)


def _load_state(run: Path, plan: TrainingPlan, step: int, runtime: Runtime) -> tuple[Learner, state.Record]:
    device = runtime.device or devices.choose()
    learner = Learner(plan, device, compiled=runtime.compiled, resumed=step > 0)
    if step == 0:
        return learner, state.Record(plan=plan.digest)
    record, tensors = state.load(run, step, plan.digest)
    learner.restore(tensors, step)
    return learner, record


def _train(
    learner: Learner,
    start: state.Record,
    batches: Iterator[Batch],
    max_seconds: float | None,
    stop: Callable[[], bool],
    report: Callable[[Progress], None],
) -> tuple[state.Record, list[float]]:
    """Take steps until the budget is spent, time is up or `stop` says so; returns the last losses too."""
    plan = learner.plan
    losses: deque[torch.Tensor] = deque(maxlen=_RECENT)
    step, images = start.step, start.images
    started = reported = time.monotonic()
    while True:
        now = time.monotonic()
        seconds = start.seconds + now - started
        spent = plan.spent(images, seconds)
        late = max_seconds is not None and now - started >= max_seconds and step > start.step
        if spent >= 1 or late or stop():
            break
        arrays, texts = next(batches)
        losses.append(learner.learn(arrays, texts, step, spent))
        step, images = step + 1, images + len(texts)
        if now - reported >= 1:
            reported = now
            speed = (images - start.images) / (time.monotonic() - started)
            mean = float(torch.stack(tuple(losses)).mean())
            report(Progress(step, images, seconds, spent, mean, plan.rate_at(spent), speed))
    end = start.model_copy(update={"step": step, "images": images, "seconds": seconds})
    return end, [float(loss) for loss in losses]


def _validate(learner: Learner, source: Source) -> Validation:
    held_out = source.held_out(learner.plan.validation)
    return validate(learner.averaged(), learner.codec, held_out, learner.plan, learner.device)


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


def _publish(folder: RunFolder, learner: Learner, training: dict[str, Any], validation: Validation) -> Path:
    """Write the finished checkpoint into the run's folder, unless a twin of this slice has done so."""
    target = folder.path / run_folder.CHECKPOINT
    if not _is_published(target, training):
        with folder.subfolder(run_folder.CHECKPOINT, check=_replaceable) as aside:
            checkpoint.write(aside, _model(learner, training, validation), _weights(learner))
    return target


def _replaceable(path: Path) -> None:
    checkpoint.check_output(path, overwrite=True)


def _is_published(target: Path, training: dict[str, Any]) -> bool:
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
        **extra,
    }


def _model(learner: Learner, training: dict[str, Any], validation: Validation) -> checkpoint.Model:
    plan = learner.plan
    return checkpoint.Model(
        architecture=plan.architecture,
        settings=plan.settings,
        problem=plan.problem,
        scaling=plan.scaling,
        resize_rule=plan.resize_rule,
        trained_on_resized=plan.trained_on_resized,
        temperature=calibration.fit(validation.logits, learner.codec, validation.texts),
        training=training,
    )


def _weights(learner: Learner) -> checkpoint.Weights:
    return {name: as_array(tensor) for name, tensor in learner.average.items()}
