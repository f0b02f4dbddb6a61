"""Self-training: rounds of training on labels and on what the network of the round before is sure of.

A teacher learns the labels, reads unlabelled images, and a student learns both, under noise and from
the start the teacher had (Xie et al., "Self-training with Noisy Student improves ImageNet
classification", 2020); then the student is the teacher. Labels that are held out from these rounds end
them with the first that reads more of these wrongly, and the best round wins. Since a teacher that has
learnt all labels reads much better where they are few, as many rounds follow with all of them.

Every training is a run in a folder of its own in the run's folder: ``round-0``, ``round-1`` … and with
all labels ``round-all-0`` …; what was read for a round lies there in parts. The files say what is next.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pydantic
import torch

from ..errors import TrainingError
from ..inputs import Source as Inputs
from ..networks import checkpoint, devices
from ..storage import AnyPath
from . import calibration, consistency, pseudo_labels, run_folder, slices, state, suspects, unlabelled
from .data import InMemory, Source
from .loop import Progress
from .mixed import Mixed
from .plan import SelfTraining, TrainingPlan
from .records import read_record
from .run_folder import RunFolder
from .slices import Runtime, SliceResult
from .validation import Validation, validate

ALL = "all-"
"""Before the numbers of the rounds with all labels, in the names of their folders."""

_JUDGED, _FILE = "judged", "judged.json"


class Judged(pydantic.BaseModel):
    """How a round's network read the held-out labels.

    Attributes
    ----------
    round
        Its number; 0 learnt labels alone.
    kept
        Unlabelled images that it was trained on.
    wrong, held_out
        How many of the held-out images were read with a fault, of how many.
    loss
        Mean over these.
    temperature
        That calibrates the network.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    round: int
    kept: int
    wrong: int
    held_out: int
    loss: float
    temperature: float


@dataclass
class _Work:
    """One slice of self-training.

    Attributes
    ----------
    deadline
        Of `time.monotonic`; nothing new is begun after it.
    trained, images, seconds
        Trainings that are finished, the images they saw, and how long they took.
    """

    run: RunFolder
    plan: TrainingPlan
    rule: SelfTraining
    source: InMemory
    inputs: Inputs
    deadline: float | None
    stop: Callable[[], bool]
    report: Callable[[Progress], None]
    runtime: Runtime
    trained: int = 0
    images: int = 0
    seconds: float = 0.0
    judged: list[Judged] = field(default_factory=list)

    @property
    def late(self) -> bool:
        return self.stop() or (self.deadline is not None and time.monotonic() >= self.deadline)

    @property
    def device(self) -> torch.device:
        return self.runtime.device or devices.choose()

    @property
    def spent(self) -> float:
        """The share of all trainings that is done, if no round is left out."""
        return self.trained / self.rule.trainings


def train_slice(
    run: AnyPath | RunFolder,
    plan: TrainingPlan,
    source: Source,
    inputs: Inputs,
    max_seconds: float | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
    report: Callable[[Progress], None] = lambda progress: None,
    runtime: Runtime | None = None,
) -> SliceResult:
    """Go on with a run's rounds for a bounded time, from what its folder holds.

    A slice reads images until its time is up, and then trains; it ends with a training at the latest.

    Parameters
    ----------
    run, plan, max_seconds, stop, report, runtime
        As `slices.train_slice` takes them; the plan has `self_training`.
    source
        Labelled images in memory, some of them held out.
    inputs
        The unlabelled images.

    Returns
    -------
    Steps are those of the round that is being trained; images and seconds those of the whole run.

    Raises
    ------
    TrainingError
        When no labels are held out, or the labelled images are not in memory, or as
        `slices.train_slice` raises it.
    InputError, LabelError, NotOwnerError, StorageError
        As `inputs.Source.open` and `slices.train_slice` raise them.
    """
    if plan.self_training is None:
        raise TrainingError("the plan has no rounds of self-training")
    if not isinstance(source, InMemory):
        raise TrainingError("unlabelled images help only where the labelled ones fit into memory")
    if not source.held_out(1)[1]:
        raise TrainingError("no labels are held out to judge the rounds by: there are too few")
    deadline = None if max_seconds is None else time.monotonic() + max_seconds
    folder = run if isinstance(run, RunFolder) else RunFolder(run)
    work = _Work(
        folder, plan, plan.self_training, source, inputs, deadline, stop, report, runtime or Runtime()
    )
    result = _rounds(work)
    while max_seconds is None and not result.finished and not stop():
        result = _rounds(replace(work, trained=0, images=0, seconds=0.0, judged=[]))
    return result


def _rounds(work: _Work) -> SliceResult:
    """Do what is next: a part of a round's reading or training, with labels held out or with all."""
    for number in range(work.rule.rounds + 1):
        result = _go_on(work, "", number, work.source)
        if result is not None:
            return result
        folder = work.run.round(number)
        if not _is_trained(folder):
            break
        work.judged.append(_judge(work, number, folder))
        if work.judged[-1].wrong > _best(work.judged).wrong:
            break
    return _finish(work, _best(work.judged))


def _finish(work: _Work, best: Judged) -> SliceResult:
    """Go through as many rounds as were best once more, with all labels, and publish the checkpoint."""
    work.trained = work.rule.rounds + 1  # rounds that were left out count as done
    folder, last = work.run, 0
    for number in range(best.round + 1):
        result = _go_on(work, ALL, number, work.source.whole())
        if result is not None:
            return result
        next_folder = work.run.round(f"{ALL}{number}")
        if not _is_trained(next_folder):
            break
        folder, last = next_folder, number
    path = _publish(work, folder, best, last)
    accuracy = 1 - best.wrong / best.held_out
    step = int(checkpoint.describe(path).training["step"])
    return SliceResult(step, work.images, work.seconds, 1.0, True, None, accuracy, path, last)


def _go_on(work: _Work, phase: str, number: int, labelled: InMemory) -> SliceResult | None:
    """Go on with a round; None when it is trained, or when the round before is sure of nothing."""
    folder = work.run.round(f"{phase}{number}")
    if _is_trained(folder):
        _count(work, folder)
        return None
    if number:
        if not _read(work, phase, number, folder):
            return _unfinished(work, number)
        if not pseudo_labels.count(folder.path, work.rule):
            return None
    return _train(
        work, number, folder, _plan_of(work, phase, number), _source_of(work, labelled, folder, number)
    )


def _best(judged: list[Judged]) -> Judged:
    """Return the round with the fewest faults; of several the last, which has learnt from most images."""
    return min(reversed(judged), key=lambda round_: round_.wrong)


def _read(work: _Work, phase: str, number: int, folder: RunFolder) -> bool:
    """Decode and read the unlabelled images for a round, until time is up; False when some are left."""
    listing = unlabelled.list_images(work.run, work.inputs, work.plan)
    parts = [part for part in range(listing.parts) if not pseudo_labels.is_read(folder.path, part)]
    if not parts:
        return True
    teacher = checkpoint.load(work.run.path / f"round-{phase}{number - 1}" / run_folder.CHECKPOINT)
    network = devices.to_device(teacher.network(), work.device).eval()
    temperature = work.judged[number - 1].temperature  # with all labels, none can tell a better one
    codec = teacher.model.model_copy(update={"temperature": temperature}).codec
    for done, part in enumerate(parts):
        if done and work.late:
            return False
        unlabelled.decode_part(work.run, part, work.inputs, work.source, work.plan)
        images = unlabelled.part(work.run.path, part)
        with slices.own_generators():
            torch.manual_seed((work.plan.seed << 20) + (number << 12) + part)
            texts = consistency.read(images.images, images.paths, network, codec, work.plan, work.rule)
        pseudo_labels.save(folder, part, texts)
        work.report(Progress(0, work.images, work.seconds, work.spent, 0.0, 0.0, 0.0))
    return not work.late


def _train(work: _Work, number: int, folder: RunFolder, plan: TrainingPlan, source: Source) -> SliceResult:
    """Go on with a round's training, from its newest state."""

    def report(progress: Progress) -> None:
        spent = work.spent + progress.spent / work.rule.trainings
        images, seconds = work.images + progress.images, work.seconds + progress.seconds
        work.report(replace(progress, images=images, seconds=seconds, spent=spent))

    left = None if work.deadline is None else max(0.0, work.deadline - time.monotonic())
    steps = state.steps(folder.path)
    result = slices.train_slice(
        folder, plan, source, steps[-1] if steps else 0, left,
        stop=work.stop, report=report, runtime=work.runtime,
    )  # fmt: skip
    spent = work.spent + result.spent / work.rule.trainings
    return replace(
        result,
        images=work.images + result.images,
        seconds=work.seconds + result.seconds,
        spent=min(spent, 0.999),
        finished=False,
        checkpoint=None,
        round=number,
    )


def _unfinished(work: _Work, number: int) -> SliceResult:
    return SliceResult(0, work.images, work.seconds, work.spent, False, None, None, None, number)


def _plan_of(work: _Work, phase: str, number: int) -> TrainingPlan:
    """Return the plan of a round's training: the trial before round 0 chooses the start of all."""
    plan = work.plan.model_copy(update={"self_training": None})
    if number == 0 and not phase:
        return plan
    decision = _decision(work)
    if plan.trial is not None and decision is not None:
        plan = plan.started_from(plan.trial.starts[decision.chosen])
    changed: dict[str, Any] = {"seed": (plan.seed + number) % (1 << 32), "trust": 1.0}
    changed |= {"early_stop": None} if phase else {}
    return plan.model_copy(update=changed)


def _source_of(work: _Work, labelled: InMemory, folder: RunFolder, number: int) -> Source:
    """Return the labelled images with those that a round kept, of which round 0 has none.

    Suspicious labels have the weight that the plan leaves them.
    """
    if work.plan.trust < 1:
        labelled = labelled.weighted(suspects.weights(work.run.path, work.plan.trust))
    if number == 0:
        return labelled
    return Mixed(labelled, pseudo_labels.kept(folder.path, work.plan, work.rule), work.rule.label_share)


def _judge(work: _Work, number: int, folder: RunFolder) -> Judged:
    """Read the held-out labels with a round's network, once."""
    path = folder.path / _JUDGED / _FILE
    judged = read_record(path, Judged)
    if judged is None:
        trained = checkpoint.load(folder.path / run_folder.CHECKPOINT)
        network = devices.to_device(trained.network(), work.device).eval()
        codec = trained.model.model_copy(update={"temperature": 1.0}).codec
        held_out = work.source.held_out(max(1, work.plan.validation))
        seen = validate(network, codec, held_out, work.plan, work.device)
        decision = _decision(work) if number == 0 else None
        temperature = decision.temperature if decision else None
        judged = Judged(
            round=number,
            kept=pseudo_labels.count(folder.path, work.rule) if number else 0,
            wrong=seen.wrong,
            held_out=seen.count,
            loss=seen.loss(codec),
            temperature=temperature or calibration.fit(seen.logits, codec, seen.texts, fewest=1),
        )
        with folder.subfolder(_JUDGED, _FILE) as aside:
            (aside / _FILE).write_text(judged.model_dump_json(indent=1), encoding="utf-8")
    return judged


def _decision(work: _Work) -> state.Decision | None:
    """Return what the trial before round 0 came to, if there was one."""
    first = checkpoint.describe(work.run.path / "round-0" / run_folder.CHECKPOINT)
    trial = first.training.get("trial")
    return state.Decision.model_validate(trial) if trial else None


def _is_trained(folder: RunFolder) -> bool:
    return (folder.path / run_folder.CHECKPOINT / checkpoint.MODEL_FILE).is_file()


def _count(work: _Work, folder: RunFolder) -> None:
    training = checkpoint.describe(folder.path / run_folder.CHECKPOINT).training
    work.trained += 1
    work.images += int(training["images"])
    work.seconds += float(training["seconds"])


def _publish(work: _Work, folder: RunFolder, best: Judged, number: int) -> AnyPath:
    """Write the last round's checkpoint into the run's folder, with how all rounds went."""
    last = checkpoint.load(folder.path / run_folder.CHECKPOINT)
    decision = _decision(work)
    training: dict[str, Any] = last.model.training | {
        "plan": work.plan.model_dump(mode="json"),
        "plan_digest": work.plan.digest,
        "rounds": [judged.model_dump(mode="json") for judged in work.judged],
        "best_round": best.round,
        "kept": pseudo_labels.count(folder.path, work.rule) if number else 0,
    }
    training |= {"trial": decision.model_dump(mode="json")} if decision else {}
    model = last.model.model_copy(update={"temperature": best.temperature, "training": training})
    unseen = Validation(0, 0, np.zeros((0, 0, 0), np.float32), [])  # all labels are trained on
    return slices.publish(work.run, model, last.weights, unseen, work.source)
