"""Training in slices. `plan` and `data` do without PyTorch; `slices` needs it."""

from .data import InMemory, Rendered, Source
from .plan import Augmentation, Emphasis, TrainingPlan

__all__ = ["Augmentation", "Emphasis", "InMemory", "Rendered", "Source", "TrainingPlan"]
