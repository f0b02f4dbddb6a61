"""Labelled images and images with pseudo-labels in one stream: the labelled ones keep a share of it."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..networks import Problem
from .data import Batch, InMemory, Weights


class Mixed:
    """Labelled images, and others with the texts that a network has read.

    Parameters
    ----------
    labelled
        Held-out images come from here alone.
    read
        Images with pseudo-labels; all are trained on.
    share
        Least share of the stream that is labelled, evenly spread: few labels repeat more often than
        many pseudo-labels, which so cannot outvote them. More where there are more labels than that.
    """

    def __init__(self, labelled: InMemory, read: InMemory, share: float = 0.5) -> None:
        self._labelled = labelled
        self._read = read
        self._share = max(share, len(labelled) / (len(labelled) + len(read)))

    @property
    def image_size(self) -> tuple[int, int]:
        return self._labelled.image_size

    def batch(self, position: int, size: int) -> Batch:
        is_labelled, before = self._kinds(position, size)
        count = int(is_labelled.sum())
        labelled, labels = self._labelled.batch(before, count) if count else (None, [])
        read, texts = self._read.batch(position - before, size - count) if count < size else (None, [])
        like = labelled if labelled is not None else read
        assert like is not None  # noqa: S101 (a batch has images)
        images = np.empty((size, *like.shape[1:]), np.uint8)
        if labelled is not None:
            images[is_labelled] = labelled
        if read is not None:
            images[~is_labelled] = read
        own, others = iter(labels), iter(texts)
        return images, [next(own) if own_turn else next(others) for own_turn in is_labelled.tolist()]

    def weights(self, position: int, size: int) -> Weights | None:
        is_labelled, before = self._kinds(position, size)
        count = int(is_labelled.sum())
        own = self._labelled.weights(before, count) if count else None
        if own is None:
            return None
        weights = np.ones(size, np.float32)
        weights[is_labelled] = own
        return weights

    def held_out(self, count: int) -> Batch:
        return self._labelled.held_out(count)

    def held_out_files(self, count: int) -> list[str]:
        return []  # their labels were looked at when the network had seen labels alone

    def check(self, problem: Problem) -> None:
        self._labelled.check(problem)

    def describe(self) -> dict[str, Any]:
        return self._labelled.describe() | {"pseudo_labels": len(self._read), "label_share": self._share}

    def _kinds(self, position: int, size: int) -> tuple[npt.NDArray[np.bool_], int]:
        """Return which positions of a stretch are labelled, and how many were so before it."""
        ends = np.floor(np.arange(position, position + size + 1) * self._share).astype(np.int64)
        return np.diff(ends) > 0, int(ends[0])
