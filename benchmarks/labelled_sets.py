"""Sets of labelled images in two parts, one to learn from and one to measure on."""

import csv
import hashlib
import json
import random
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from captcha_core.datasets import LabelledFolder
from captcha_core.errors import CapqError

Labels = tuple[tuple[str, str], ...]
"""(file name, label) pairs."""


@dataclass(frozen=True)
class LabelledSet:
    """A folder with ``train`` and ``test``, each with images and their labels.

    Attributes
    ----------
    folder
        Its path.
    train, test
        The labels of the two parts.
    """

    folder: Path
    train: Labels
    test: Labels

    @classmethod
    def open(cls, folder: Path) -> "LabelledSet":
        """Read the labels, from where `capq train` reads them.

        Raises
        ------
        CapqError
            When a part has no images, or its labels do not match them.
        """
        parts = (LabelledFolder.open(str((folder / part).absolute())).labels for part in ("train", "test"))
        return cls(folder, *parts)

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def digest(self) -> str:
        """16 hex digits that name its labels."""
        return hashlib.sha256(json.dumps([self.train, self.test]).encode()).hexdigest()[:16]

    @property
    def has_both_cases(self) -> bool:
        """Whether its labels tell capitals from small letters; else their case says nothing."""
        characters = {character for _, label in self.train + self.test for character in label}
        return any(map(str.isupper, characters)) and any(map(str.islower, characters))

    @property
    def test_images(self) -> list[Path]:
        return [self.folder / "test" / name for name, _ in self.test]

    @property
    def test_labels(self) -> list[str]:
        return [label for _, label in self.test]

    def subset(self, count: int, seed: int) -> Labels:
        """Draw labels to learn from; a smaller subset of the same seed lies within a larger one."""
        shuffled = sorted(self.train)
        random.Random(seed).shuffle(shuffled)
        return tuple(sorted(shuffled[:count]))

    def write_subset(self, folder: Path, count: int, seed: int) -> None:
        """Copy a subset's images into a new folder, with their labels beside them."""
        folder.mkdir(parents=True)
        rows = self.subset(count, seed)
        for name, _ in rows:
            shutil.copyfile(self.folder / "train" / name, folder / name)
        with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as table:
            csv.writer(table).writerows([("file_name", "text"), *rows])


def find_sets(folder: Path, names: Iterable[str] | None) -> list[LabelledSet]:
    """Open the sets that lie in a folder, or those of the given names.

    Raises
    ------
    SystemExit
        When there is none, or one cannot be read.
    """
    paths = [folder / name for name in names] if names else sorted(folder.glob("*"))
    if not names:
        paths = [path for path in paths if (path / "train").is_dir() and (path / "test").is_dir()]
    if not paths:
        raise SystemExit(f"{folder} holds no folder with train/ and test/")
    try:
        return [LabelledSet.open(path) for path in paths]
    except CapqError as error:
        raise SystemExit(str(error)) from None
