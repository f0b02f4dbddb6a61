"""The parts of a folder that is divided into training and test images."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from .labels import Pair

Part = Literal["train", "validation", "test"]

_PARTS: dict[str, Part] = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test", "eval": "test",
}  # fmt: skip
_ORDER: dict[str, tuple[Part, ...]] = {"train": ("train",), "test": ("test", "validation")}


def part_of_file(name: str) -> Part | None:
    """Return the part that a label file's name says: ``rec_gt_train.txt``."""
    words = re.split(r"[^a-z]+", name.rpartition("/")[2].rpartition(".")[0].casefold())
    return next((_PARTS[word] for word in words if word in _PARTS), None)


def part_of_path(path: str) -> Part | None:
    """Return the part that a folder's name in an image's path says."""
    return next((_PARTS[name] for name in path.casefold().split("/")[:-1] if name in _PARTS), None)


def in_split(
    pairs: Sequence[Pair], by_file: Mapping[str, Part], split: str
) -> tuple[tuple[Pair, ...], dict[str, int]]:
    """Return the pairs of a split, and the number of images in each part.

    Parameters
    ----------
    by_file
        The parts of images whose label file says it.
    split
        ``train`` or ``test``; empty, or where the folder is not divided, all pairs.

    Returns
    -------
    pairs
        With ``train``, images that are in no part too.
    parts
        Empty when the folder is not divided.
    """
    parts = [by_file.get(path) or part_of_path(path) for path, _ in pairs]
    counts: dict[str, int] = {}
    for part in parts:
        if part:
            counts[part] = counts.get(part, 0) + 1
    if "train" not in counts or len(counts) < 2:
        return tuple(pairs), {}
    if not split:
        return tuple(pairs), counts
    part = next((part for part in _ORDER[split] if part in counts), "train")
    kept = {part, None} if part == "train" else {part}
    return tuple(pair for pair, own in zip(pairs, parts, strict=True) if own in kept), counts
