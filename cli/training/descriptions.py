"""A training in a line."""

from captcha_core.errors import counted
from captcha_core.images.resize_rules import PADDED
from captcha_core.training import (
    InputSize,
    TrainingPlan,
)
from workers.kinds.train import DatasetSource, SpecSource

from ..terminal import duration


def described(plan: TrainingPlan, source: DatasetSource | SpecSource) -> str:
    budget = [counted(plan.images, "image")] if plan.images else []
    budget += [duration(plan.seconds)] if plan.seconds else []
    low, high = plan.problem.lengths
    return (
        f"{plan.architecture} on {source.url if isinstance(source, DatasetSource) else 'fresh images'}, "
        f"{' or '.join(budget)}: {low}-{high} characters of {plan.problem.charset} at "
        f"{plan.problem.size[0]}×{plan.problem.size[1]}, {'grey' if plan.problem.grey else 'colour'}"
    )


def described_input(chosen: InputSize) -> str:
    size = f"{chosen.size[0]}×{chosen.size[1]}"
    how = "scaled to fit and padded" if chosen.rule == PADDED else "resized"
    return f"the network's input is {size}, {chosen.reason}: images of other sizes are {how}"
