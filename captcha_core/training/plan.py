"""The training plan: everything that decides what a run learns, apart from its images."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import pydantic
from pydantic import Field

from .. import networks
from ..errors import TrainingError
from ..images.resize_rules import STRETCHED, ResizeRule
from ..networks import Problem
from ..networks.checkpoint import Scaling

OptimiserName = Literal["muon", "adamw"]


class _Part(pydantic.BaseModel):
    """Base of a plan's parts.

    Fields that came after a release are left out of the JSON where they have their default, so that a
    plan without them keeps its digest, and the states of its run their owner.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    _later: ClassVar[frozenset[str]] = frozenset()

    @pydantic.model_serializer(mode="wrap")
    def _without_later_defaults(self, serialise: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = serialise(self)
        fields = type(self).model_fields
        unset = {name for name in self._later if getattr(self, name) == fields[name].default}
        return {name: value for name, value in values.items() if name not in unset}


class Augmentation(_Part):
    """Changes to training images, drawn anew for each; for labelled images that repeat.

    Attributes
    ----------
    shift
        Greatest shift in pixels, both ways; the edge is repeated.
    contrast, brightness
        Greatest change, as a share of the contrast and of the full range.
    noise
        Greatest standard deviation of Gaussian noise, as a share of the full range.
    rotation
        Greatest rotation in degrees, both ways.
    scale
        Greatest change of width and of height, each on its own, as a share.
    shear
        Greatest slant, both ways, in pixels sideways a pixel of height.
    elastic
        Greatest standard deviation, in pixels, of a smooth displacement field.
    blur
        Greatest share, 0 to 1, of a Gaussian blur of one pixel that is mixed in.
    jpeg
        Lowest quality of JPEG's quantisation, 1 to 100, approximated in the image's own channels;
        0 leaves it out.
    invert
        Share of the images whose light and dark are exchanged around their mean.
    colour
        Greatest change of each colour channel's contrast, as a share; nothing for grey.
    """

    _later = frozenset({"rotation", "scale", "shear", "elastic", "blur", "jpeg", "invert", "colour"})

    shift: int = Field(2, ge=0, le=32)
    contrast: float = Field(0.2, ge=0, lt=1)
    brightness: float = Field(0.1, ge=0, le=1)
    noise: float = Field(0.02, ge=0, le=1)
    rotation: float = Field(0.0, ge=0, le=180)
    scale: float = Field(0.0, ge=0, lt=1)
    shear: float = Field(0.0, ge=0, le=1)
    elastic: float = Field(0.0, ge=0, le=16)
    blur: float = Field(0.0, ge=0, le=1)
    jpeg: int = Field(0, ge=0, le=100)
    invert: float = Field(0.0, ge=0, le=1)
    colour: float = Field(0.0, ge=0, lt=1)


class Start(_Part):
    """Where a training may start from.

    Attributes
    ----------
    initial
        A checkpoint, by path or shipped name; None for random weights.
    rate
        Peak learning rate of a training from there.
    """

    initial: str | None = None
    rate: float = Field(4e-3, gt=0, le=1)


class Trial(_Part):
    """Short trainings before the run, which choose its start and say how well the labels generalise.

    Attributes
    ----------
    starts
        To choose from.
    images
        Images that a short training sees.
    folds
        1: each start is measured on the source's held-out images. More: on the training images, by
        cross-validation over so many folds; starts that are behind after two folds are given up.
    """

    starts: tuple[Start, ...] = Field(min_length=1)
    images: int = Field(ge=1)
    folds: int = Field(1, ge=1, le=20)


class EarlyStop(_Part):
    """The end of a run that learns nothing more, judged by its held-out images.

    Attributes
    ----------
    images
        Images trained on between two looks at the held-out ones.
    patience
        Looks without fewer faults, or as many at a lower loss, that end the run.
    """

    images: int = Field(ge=1)
    patience: int = Field(ge=1)


class SelfTraining(_Part):
    """Rounds of training on what the round before has read in unlabelled images.

    Attributes
    ----------
    rounds
        At most so many.
    confidence
        Least calibrated confidence of a text that is kept.
    copies, agreement
        Augmented copies of an image that are read as well, and the least share of them in which the
        same text must be read.
    label_share
        Least share of labelled images in a round's training.
    """

    rounds: int = Field(2, ge=1, le=20)
    confidence: float = Field(0.7, ge=0, le=1)
    copies: int = Field(3, ge=0, le=20)
    agreement: float = Field(0.6, ge=0, le=1)
    label_share: float = Field(0.5, gt=0, lt=1)

    @property
    def trainings(self) -> int:
        """How many trainings there are at most: of each round one with labels held out, and one with all."""
        return 2 * (self.rounds + 1)


class TrainingPlan(_Part):
    """How a network is trained. JSON; equal plans on equal images give equal networks on a CPU.

    Attributes
    ----------
    architecture, settings
        What `networks.build` takes; settings are filled in with their defaults.
    problem
        Charset, lengths, input size and channels.
    scaling
        How bytes become the network's input.
    resize_rule
        How images are fitted to the problem's input size.
    trained_on_resized
        Whether the images have other sizes than the problem's, to be kept in the checkpoint.
    batch
        Images a step.
    images, seconds
        The budget: images to train on, seconds to train for, whichever is spent first. At
        least one is given. Under `seconds` the schedule follows the clock, and a run cannot
        be repeated to the bit.
    schedule
        ``one-cycle``: cosine up to `rate` over the share `warm_up` of the budget, cosine down
        to nearly nothing. ``cosine``: the same with a straight warm-up. ``constant``: a
        straight warm-up, then `rate`.
    optimiser
        ``muon`` for the layers before the head and AdamW for the rest, or ``adamw`` for all.
    rate, weight_decay, clip
        Peak learning rate and weight decay; greatest norm of the gradient.
    average
        Decay of the moving average of the weights, which is what the checkpoint gets;
        shorter in the first steps. 0 keeps no average.
    seed
        Of the first weights, of dropout and of augmentation.
    augmentation
        None, unless asked for.
    initial
        A checkpoint to start from, by path or shipped name. Its trunk is kept, its head as
        far as it fits (`initial.start_from`).
    validation
        Held-out images that accuracy is measured on after each slice.
    trial
        Chooses `initial` and `rate` before the first step, in place of those given here.
    early_stop
        Ends the run before its budget is spent; the checkpoint gets the averaged weights that were
        best on the held-out images. None trains to the end of the budget and keeps the last ones.
    trust
        What the loss of an image is multiplied by where its label is suspicious (`suspects`), after a
        cross-validation that tells: 1 keeps all labels whole, 0 leaves these images out.
    self_training
        Rounds in which unlabelled images help (`rounds`); each training of them has the budget.
    """

    _later = frozenset({"resize_rule", "trained_on_resized", "trial", "early_stop", "trust", "self_training"})

    architecture: str = networks.DEFAULT
    settings: dict[str, Any] = {}
    problem: Problem
    scaling: Scaling = Scaling()
    resize_rule: ResizeRule = STRETCHED
    trained_on_resized: bool = False
    batch: int = Field(128, ge=1, le=65536)
    images: int | None = Field(None, ge=1)
    seconds: float | None = Field(None, gt=0)
    schedule: Literal["one-cycle", "cosine", "constant"] = "one-cycle"
    optimiser: OptimiserName = "muon"
    rate: float = Field(4e-3, gt=0, le=1)
    warm_up: float = Field(0.3, ge=0, lt=1)
    weight_decay: float = Field(0.01, ge=0, le=1)
    clip: float = Field(5.0, gt=0)
    average: float = Field(0.999, ge=0, lt=1)
    seed: int = Field(0, ge=0, lt=1 << 32)
    augmentation: Augmentation | None = None
    initial: str | None = None
    validation: int = Field(2000, ge=0, le=1_000_000)
    trial: Trial | None = None
    early_stop: EarlyStop | None = None
    trust: float = Field(1.0, ge=0, le=1)
    self_training: SelfTraining | None = None

    @pydantic.model_validator(mode="before")
    @classmethod
    def _all_settings(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        name = values.get("architecture", networks.DEFAULT)
        try:
            checked = networks.checked_settings(name, values.get("settings") or {})
        except TrainingError as error:
            raise ValueError(str(error)) from None
        return {**values, "settings": checked.model_dump(mode="json")}

    @pydantic.model_validator(mode="after")
    def _has_a_budget(self) -> Self:
        if self.images is None and self.seconds is None:
            raise ValueError("give a budget: images, seconds or both")
        return self

    @pydantic.model_validator(mode="after")
    def _starts_once(self) -> Self:
        if self.trial is not None and self.initial is not None:
            raise ValueError("a trial chooses where the run starts: leave initial out")
        return self

    @classmethod
    def make(cls, **fields: Any) -> "TrainingPlan":
        """Validate `fields` and return the plan.

        Raises
        ------
        TrainingError
            With one readable line.
        """
        try:
            return cls.model_validate(fields)
        except pydantic.ValidationError as error:
            parts = []
            for item in error.errors():
                where = ".".join(str(step) for step in item["loc"])
                message = item["msg"].removeprefix("Value error, ")
                parts.append(f"{where}: {message}" if where else message)
            raise TrainingError("; ".join(parts)) from None

    @property
    def digest(self) -> str:
        """16 hex digits that name this plan: SHA-256 of its canonical JSON."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def started_from(self, start: Start) -> "TrainingPlan":
        """Return the plan of the run proper, once the trial has chosen a start."""
        return self.model_copy(update={"initial": start.initial, "rate": start.rate, "trial": None})

    def tried_from(self, start: Start, images: int) -> "TrainingPlan":
        """Return the plan of a trial's short training."""
        budget = {"images": images, "seconds": None, "early_stop": None, "self_training": None}
        return self.started_from(start).model_copy(update=budget)

    def spent(self, images: int, seconds: float) -> float:
        """Return the share of the budget that is used up, 0 to 1."""
        shares = [0.0]
        if self.images is not None:
            shares.append(images / self.images)
        if self.seconds is not None:
            shares.append(seconds / self.seconds)
        return min(1.0, max(shares))

    def rate_at(self, spent: float) -> float:
        """Return the learning rate once the share `spent` of the budget is used up."""
        if spent < self.warm_up:
            rise = spent / self.warm_up
            return self.rate * (_cosine(rise, 0.04, 1) if self.schedule == "one-cycle" else max(rise, 0.01))
        if self.schedule == "constant":
            return self.rate
        return self.rate * _cosine((spent - self.warm_up) / (1 - self.warm_up), 1, 1e-4)

    def average_decay(self, step: int) -> float:
        """Return the moving average's decay at a step: short at first, `average` later on."""
        return min(self.average, (1 + step) / (10 + step))


def _cosine(share: float, start: float, end: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
