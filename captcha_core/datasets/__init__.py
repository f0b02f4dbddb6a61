"""Datasets: generated ones, in shards, and folders of users' own labelled images."""

from .dataset import Dataset, Index, Plan
from .labelled import LabelledFolder
from .layouts import ShardRecord
from .sample import Sample
from .verification import Verdict, verify

__all__ = [
    "Dataset",
    "Index",
    "LabelledFolder",
    "Plan",
    "Sample",
    "ShardRecord",
    "Verdict",
    "open_labelled",
    "verify",
]


def open_labelled(url: str) -> Dataset | LabelledFolder:
    """Open a generated dataset if the folder holds one, else a folder of labelled images.

    Raises
    ------
    InputError, LabelError
        When the folder is neither.
    UnfinishedDatasetError
        When the dataset is not finished.
    """
    return LabelledFolder.open(url) if Dataset.find(url) is None else Dataset.open(url)
