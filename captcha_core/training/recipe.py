"""The recipe for few labels: how a network is trained on a folder of labelled images, by their number.

Few labels repeat often, so each image is changed every time it is seen. A network that has learnt other
looks needs a lower rate than random weights do. The rates, the number of images and the kinds of changes
but for elastic, blur and JPEG come from a study on sets of 200 labels by other people; the strengths of
the changes have not been measured one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import CheckpointError
from ..networks import Problem, checkpoint
from .input_size import least_width
from .plan import Augmentation, EarlyStop, SelfTraining, Start, Trial

FEW_LABELS_BELOW = 2000  # labels from which on no recipe is needed
CANDIDATES = ("general",)  # shipped networks that are tried beside random weights

_CROSS_VALIDATED = 300  # labels below which none are held out, where a network to start from exists
_FOLDS = 5
_FEWEST_HELD_OUT = 10
_RATE, _TUNING_RATE = 4e-3, 1.5e-3
_LOOKS, _PATIENCE = 20, 6
_TRIAL_IMAGES = 4_000
_FRESH_TRIAL_IMAGES = 16_000  # until which random weights have learnt anything that can judge a label
_AUGMENTATION = Augmentation(
    shift=3,
    contrast=0.3,
    brightness=0.15,
    noise=0.04,
    rotation=4,
    scale=0.1,
    shear=0.1,
    elastic=0.7,
    blur=0.5,
    jpeg=30,
    colour=0.1,
)


@dataclass(frozen=True)
class Recipe:
    """How to train on so many labels.

    Attributes
    ----------
    starts
        Where to start from; a trial chooses if there are several.
    held_out
        Share of the labels that is kept from training; 0 where cross-validation measures instead.
    folds
        Of the trial: 1 to measure on the labels held out.
    images, trial_images
        Images trained on, with repeats, in the run and in each training of the trial.
    batch
        Images a step.
    average
        Decay of the moving average of the weights.
    augmentation
        Changes to the images.
    trust
        Weight that a suspicious label keeps.
    rounds
        Of self-training, at most; 0 for none.
    stops_early
        Whether the held-out labels may end the run. In rounds of few labels they may not: the best of
        twenty looks at ten images would be a matter of luck, in every round.
    """

    starts: tuple[Start, ...]
    held_out: float
    folds: int
    images: int
    trial_images: int
    batch: int = 64
    average: float = 0.995
    augmentation: Augmentation = _AUGMENTATION
    trust: float = 1.0
    rounds: int = 0
    stops_early: bool = True

    @property
    def trial(self) -> Trial | None:
        """The trial before the run, if there is anything to choose or to cross-validate."""
        if len(self.starts) == 1 and self.folds == 1:
            return None
        return Trial(starts=self.starts, images=self.trial_images, folds=self.folds)

    @property
    def early_stop(self) -> EarlyStop | None:
        """The early end of the run, where labels are held out to judge by."""
        if not self.held_out or not self.stops_early:
            return None
        return EarlyStop(images=max(1, self.images // _LOOKS), patience=_PATIENCE)

    def within(self, images: int) -> "Recipe":
        """Return the recipe for a run of so many images, with its trial as much shorter or longer."""
        trial_images = max(1, self.trial_images * images // self.images)
        return replace(self, images=images, trial_images=trial_images)

    def plan_fields(self, problem: Problem) -> dict[str, Any]:
        """Return the fields of a `TrainingPlan` that the recipe decides.

        Parameters
        ----------
        problem
            Of the labelled images; a network to start from sets another input size.

        Raises
        ------
        CheckpointError
            When a checkpoint to start from is missing or damaged.
        """
        trial, first = self.trial, self.starts[0]
        if first.initial:
            size = checkpoint.describe(checkpoint.find(first.initial)).problem.size
            problem = problem.model_copy(update={"size": size})
        return {
            "problem": problem.model_dump(),
            "batch": self.batch,
            "images": self.images,
            "rate": first.rate,
            "average": self.average,
            "augmentation": self.augmentation,
            "initial": None if trial else first.initial,
            "trial": trial,
            "early_stop": self.early_stop,
            **network_of(first.initial),
            "trust": self.trust,
            "self_training": SelfTraining(rounds=self.rounds) if self.rounds else None,
        }


def for_labels(labels: int, starts: Sequence[Start], *, trust: float = 1.0, rounds: int = 0) -> Recipe:
    """Return the recipe for a number of labels, fewer than `FEW_LABELS_BELOW`.

    Parameters
    ----------
    trust
        Weight that a suspicious label keeps. Below 1 the trial cross-validates, to find them.
    rounds
        Of self-training, at most; labels are held out for them. 0 for none.
    """
    tuned = any(start.initial is not None for start in starts)
    cross_validated = tuned and 2 * _FOLDS <= labels < _CROSS_VALIDATED
    held_out = 0.0 if cross_validated and not rounds else max(0.1, min(0.5, _FEWEST_HELD_OUT / labels))
    trained = labels - round(held_out * labels)
    folded = trained >= 2 * _FOLDS and (cross_validated or trust < 1)
    return Recipe(
        starts=tuple(starts),
        held_out=held_out,
        folds=_FOLDS if folded else 1,
        images=20_000 + 20 * labels if tuned else 40_000 + 20 * labels,
        trial_images=_TRIAL_IMAGES if tuned else _FRESH_TRIAL_IMAGES,
        trust=trust,
        rounds=rounds,
        stops_early=not rounds or labels >= _CROSS_VALIDATED,
    )


def for_many_labels(
    starts: Sequence[Start], images: int, *, trust: float = 1.0, rounds: int = 0
) -> dict[str, Any]:
    """Return the fields of a `TrainingPlan` that depend on where a run on many labels may start.

    Parameters
    ----------
    images
        That the run trains on: a cross-validation, which finds suspicious labels, is as long altogether.
    trust, rounds
        As for `for_labels`.

    Raises
    ------
    CheckpointError
        When a checkpoint to start from is missing or damaged.
    """
    trial = Trial(starts=tuple(starts), images=_TRIAL_IMAGES) if starts[1:] else None
    if trust < 1:
        trial = Trial(starts=tuple(starts), images=max(1, images // _FOLDS), folds=_FOLDS)
    return {
        "rate": starts[0].rate,
        "initial": None if trial else starts[0].initial,
        "trial": trial,
        "trust": trust,
        "self_training": SelfTraining(rounds=rounds) if rounds else None,
        **network_of(starts[0].initial),
    }


def network_of(initial: str | None) -> dict[str, Any]:
    """Return the fields of a `TrainingPlan` that give its network the layers of a checkpoint to start from.

    Raises
    ------
    CheckpointError
        When it is missing or damaged.
    """
    if initial is None:
        return {}
    model = checkpoint.describe(checkpoint.find(initial))
    return {"settings": model.settings, "scaling": model.scaling}


def starts_from(
    problem: Problem, architecture: str, candidates: Sequence[str] = CANDIDATES
) -> tuple[Start, ...]:
    """Return the starts worth a trial: the candidates that there are and that fit, and random weights.

    Parameters
    ----------
    candidates
        Checkpoints by path or shipped name.
    """
    fitting = (name for name in candidates if _fits(name, architecture, problem))
    return (*(from_checkpoint(name) for name in fitting), from_nothing())


def from_checkpoint(name: str) -> Start:
    """Return the start from a checkpoint, by path or shipped name."""
    return Start(initial=name, rate=_TUNING_RATE)


def from_nothing() -> Start:
    """Return the start from random weights."""
    return Start(initial=None, rate=_RATE)


def _fits(name: str, architecture: str, problem: Problem) -> bool:
    try:
        model = checkpoint.describe(checkpoint.find(name))
    except CheckpointError:
        return False
    return (
        model.architecture == architecture
        and model.problem.channels == problem.channels
        and model.problem.size[0] >= least_width(problem.lengths[1])
    )
