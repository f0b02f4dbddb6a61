"""Training in slices. `plan` and `data` do without PyTorch; `slices` needs it."""

from .data import InMemory, Rendered, Source
from .emphasis import Emphasis, EmphasisedTexts
from .input_size import InputSize, choose_input
from .labelled import labelled_images, read_problem
from .mixed_specs import MixedSpecs
from .plan import Augmentation, TrainingPlan
from .run_folder import RunFolder
from .streamed import Streamed

__all__ = [
    "Augmentation",
    "Emphasis",
    "EmphasisedTexts",
    "InMemory",
    "InputSize",
    "MixedSpecs",
    "Rendered",
    "RunFolder",
    "Source",
    "Streamed",
    "TrainingPlan",
    "choose_input",
    "labelled_images",
    "read_problem",
]
