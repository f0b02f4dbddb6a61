"""How well texts match the truth, in figures that add up across batches."""

from .evaluation import Evaluation, Mistake
from .rate import Rate

__all__ = ["Evaluation", "Mistake", "Rate"]
