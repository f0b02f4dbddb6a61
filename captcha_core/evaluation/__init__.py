"""How well answers match the true texts, in counts that add up across batches."""

from .evaluation import Evaluation, Mistake
from .rate import Rate

__all__ = ["Evaluation", "Mistake", "Rate"]
