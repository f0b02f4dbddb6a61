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
from . import calibration, compilation, prefetch, state
from .data import Batch, Images, Source
from .learner import Learner, as_array
from .plan import TrainingPlan

CHECKPOINT = "checkpoint"
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
    """Where a run is, told about once a second.

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
class Examined:
    """What a network makes of images that it was not trained on.

    Attributes
    ----------
    accuracy
        Share of them read without a fault, None for no images.
    logits
        float32 (n, T, C), of the first ones, as many as `calibration` makes use of.
    texts
        The n true texts of these.
    """

    accuracy: float | None
    logits: npt.NDArray[np.float32]
    texts: list[str]


def train_slice(
    run: Path,
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
        The run's folder, shared by the machines that train it.
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
    TrainingError
        When the loss is no longer finite, or the state is another plan's; nothing is saved.
    """
    _check(plan, source)
    runtime = runtime or Runtime()
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            learner, begun = _take_up(run, plan, from_step, runtime)
            channels = plan.problem.channels
            batches = prefetch.batches(source, begun.images, plan.batch, channels, runtime.threads)
            with closing(batches):
                ended, losses = _train(learner, begun, batches, max_seconds, stop, report)
            learner.check()
            finished = plan.spent(ended.images, ended.seconds) >= 1
            examined = _examined(learner, source) if ended.step > begun.step or finished else None
    except RuntimeError as error:
        if not (runtime.compiled and compilation.is_fault(error)):
            raise
        compilation.give_up(error)  # nothing is saved yet, so the slice begins again
        plain = replace(runtime, compiled=False)
        return train_slice(run, plan, source, from_step, max_seconds, stop=stop, report=report, runtime=plain)
    loss = float(np.mean(losses)) if losses else None
    share = examined.accuracy if examined else None
    ended = _with_moment(ended, plan, loss, share)
    if ended.step > begun.step:
        state.save(run, ended, learner.tensors())
        state.prune(run, from_step)
    place = None
    if finished and examined:
        place = _publish(run / CHECKPOINT, learner, ended, source, examined, runtime.record)
    spent = plan.spent(ended.images, ended.seconds)
    return SliceResult(ended.step, ended.images, ended.seconds, spent, finished, loss, share, place)


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
    """
    learner, reached = _take_up(run, plan, step, Runtime(torch.device("cpu")))
    return _publish(target, learner, reached, source, _examined(learner, source), record or {})


def examine(
    network: nn.Module, codec: Codec, batch: Batch, plan: TrainingPlan, device: torch.device
) -> Examined:
    """Read images with a network in evaluation mode, in float32 on every device."""
    images, texts = with_channels(batch[0], plan.problem.channels), batch[1]
    right, kept = 0, []
    for start in range(0, len(texts), _VALIDATION_BATCH):
        part = slice(start, start + _VALIDATION_BATCH)
        logits = _logits(network, images[part], plan, device)
        right += sum(a == b for a, b in zip(codec.decode(logits).texts(), texts[part], strict=True))
        room = calibration.enough(logits[0].size) - start
        if room > 0:
            kept.append(logits[:room])
    held = np.concatenate(kept) if kept else np.zeros((0, 0, 0), np.float32)
    return Examined(right / len(texts) if texts else None, held, texts[: len(held)])


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
        raise TrainingError(f"the images are {have} and the network's input is {want}: make the sizes equal")
    source.check(plan.problem)


def _take_up(run: Path, plan: TrainingPlan, step: int, runtime: Runtime) -> tuple[Learner, state.Record]:
    device = runtime.device or devices.choose()
    learner = Learner(plan, device, compiled=runtime.compiled, begun=step > 0)
    if step == 0:
        return learner, state.Record(plan=plan.digest)
    record, tensors = state.load(run, step, plan.digest)
    learner.restore(tensors, step)
    return learner, record


def _train(
    learner: Learner,
    begun: state.Record,
    batches: Iterator[Batch],
    max_seconds: float | None,
    stop: Callable[[], bool],
    report: Callable[[Progress], None],
) -> tuple[state.Record, list[float]]:
    plan = learner.plan
    losses: deque[torch.Tensor] = deque(maxlen=_RECENT)
    step, images = begun.step, begun.images
    started = told = time.monotonic()
    seconds = begun.seconds
    while True:
        now = time.monotonic()
        seconds = begun.seconds + now - started
        spent = plan.spent(images, seconds)
        late = max_seconds is not None and now - started >= max_seconds and step > begun.step
        if spent >= 1 or late or stop():
            break
        arrays, texts = next(batches)
        losses.append(learner.learn(arrays, texts, step, spent))
        step, images = step + 1, images + len(texts)
        if now - told >= 1:
            told = now
            speed = (images - begun.images) / (time.monotonic() - started)
            mean = float(torch.stack(tuple(losses)).mean())
            report(Progress(step, images, seconds, spent, mean, plan.rate_at(spent), speed))
    ended = begun.model_copy(update={"step": step, "images": images, "seconds": seconds})
    return ended, [float(loss) for loss in losses]


def _examined(learner: Learner, source: Source) -> Examined:
    held_out = source.held_out(learner.plan.validation)
    return examine(learner.averaged(), learner.codec, held_out, learner.plan, learner.device)


def _with_moment(
    record: state.Record, plan: TrainingPlan, loss: float | None, share: float | None
) -> state.Record:
    rate = plan.rate_at(plan.spent(record.images, record.seconds))
    moment = state.Moment(
        step=record.step, images=record.images, seconds=record.seconds, loss=loss, accuracy=share, rate=rate
    )
    if record.history and record.history[-1].step == record.step:
        return record
    return record.model_copy(update={"history": (*record.history, moment)})


def _publish(
    target: Path,
    learner: Learner,
    record: state.Record,
    source: Source,
    examined: Examined,
    extra: dict[str, Any],
) -> Path:
    plan = learner.plan
    if _already(target, record):
        return target
    training = {
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
    model = checkpoint.Model(
        architecture=plan.architecture,
        settings=plan.settings,
        problem=plan.problem,
        scaling=plan.scaling,
        temperature=calibration.fit(examined.logits, learner.codec, examined.texts),
        training=training,
    )
    checkpoint.save(target, model, {name: as_array(tensor) for name, tensor in learner.average.items()})
    return target


def _already(target: Path, record: state.Record) -> bool:
    """Tell whether a twin of this slice has written the checkpoint, so that it need not move again."""
    try:
        training = checkpoint.load(target).model.training
    except CheckpointError:
        return False
    return training.get("plan_digest") == record.plan and training.get("step") == record.step
