"""Datasets: generated shards, and users' own labelled images."""

from .dataset import Dataset, Index, Plan
from .labelled import LabelledFolder
from .layouts import ShardRecord
from .sample import Sample

__all__ = ["Dataset", "Index", "LabelledFolder", "Plan", "Sample", "ShardRecord", "open_labelled"]


def open_labelled(url: str) -> Dataset | LabelledFolder:
    """Open a generated dataset, or else a folder of labelled images.

    Raises
    ------
    DatasetError, LabelError
        When the folder is neither.
    """
    return LabelledFolder.open(url) if Dataset.find(url) is None else Dataset.open(url)
