"""The loop of a training: steps until the budget is spent, time is up or somebody says stop."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from . import state
from .data import Batch, Weights
from .early_stop import Watch
from .learner import Learner

_RECENT = 50  # steps that a reported loss is the mean of


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


def take_steps(
    learner: Learner,
    start: state.Record,
    batches: Iterator[Batch],
    max_seconds: float | None,
    stop: Callable[[], bool],
    report: Callable[[Progress], None],
    watch: Watch | None = None,
    weights: Callable[[int, int], Weights | None] = lambda position, size: None,
) -> tuple[state.Record, list[float]]:
    """Train from a record on.

    Parameters
    ----------
    max_seconds
        Ends the loop, but never before its first step; None trains on.
    stop
        Asked before each step; true ends the loop.
    report
        Called about once a second.
    watch
        Ends the run when it learns nothing more.
    weights
        The source's, of a stretch of the stream that the batches come from.

    Returns
    -------
    The record after the last step, and the losses of up to 50 last steps.
    """
    plan = learner.plan
    losses: deque[torch.Tensor] = deque(maxlen=_RECENT)
    step, images = start.step, start.images
    started = reported = time.monotonic()
    while True:
        now = time.monotonic()
        seconds = start.seconds + now - started
        spent = plan.spent(images, seconds)
        late = max_seconds is not None and now - started >= max_seconds and step > start.step
        if spent >= 1 or late or stop() or (watch is not None and watch.stopped):
            break
        arrays, texts = next(batches)
        losses.append(learner.learn(arrays, texts, step, spent, weights(images, len(texts))))
        step, images = step + 1, images + len(texts)
        if watch is not None:
            watch.after(step)
        if now - reported >= 1:
            reported = now
            speed = (images - start.images) / (time.monotonic() - started)
            mean = float(torch.stack(tuple(losses)).mean())
            report(Progress(step, images, seconds, spent, mean, plan.rate_at(spent), speed))
    end = start.model_copy(update={"step": step, "images": images, "seconds": seconds})
    return end, [float(loss) for loss in losses]
