"""Datasets: generated ones, in shards, and folders of users' own labelled images."""

from ..labels import LabelOptions
from .dataset import Dataset, Index, Plan
from .labelled import LabelledFolder
from .layouts import ShardRecord
from .sample import Sample
from .verification import Verdict, verify

__all__ = [
    "Dataset",
    "Index",
    "LabelOptions",
    "LabelledFolder",
    "Plan",
    "Sample",
    "ShardRecord",
    "Verdict",
    "open_labelled",
    "verify",
]

_DEFAULTS = LabelOptions()


def open_labelled(url: str, options: LabelOptions = _DEFAULTS) -> Dataset | LabelledFolder:
    """Open a generated dataset if the folder holds one, else a folder of labelled images.

    Parameters
    ----------
    options
        How the labels of a folder's images are looked for; a generated dataset has its own.

    Raises
    ------
    InputError, LabelError
        When the folder is neither.
    UnfinishedDatasetError
        When the dataset is not finished.
    """
    return LabelledFolder.open(url, options) if Dataset.find(url) is None else Dataset.open(url)
