"""Training images from files, for sets that memory does not hold: a window of shards at a time.

An epoch takes the shards in a seeded order, some of them at a time, and shuffles the images of
these among each other. The shards of a window are kept as they are in their files, which is
a fraction of the pixels; an image is decoded when its batch comes.
"""

import bisect
import functools
import itertools
import math
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..datasets import Dataset, LabelledFolder, Sample
from ..datasets.decoding import decode_sample
from ..errors import ChangedDatasetError, DamagedDatasetError, DatasetError, LabelError, counted
from ..images.resize_rules import STRETCHED, ResizeRule
from ..networks import Problem
from .data import Batch, Weights, described_left_out, permutation, spans

WINDOW = 8192
FILES = 256  # of a folder that are read together
_READERS = 4
_CHUNK = 16  # images that one thread decodes in one go


class Pieces(Protocol):
    """Labelled images in pieces that are read whole, in an order drawn from a seed.

    Attributes
    ----------
    name
        Where they came from.
    counts
        int64: the number of images in each piece.
    strict
        Whether an image that cannot be decoded ends the training, as in a dataset that can be made
        again. Otherwise it is left out.
    files
        The file name of each image, in the order of the files; empty where these are shards.
    """

    name: str
    strict: bool
    counts: npt.NDArray[np.int64]
    files: Sequence[str]

    def read(self, piece: int) -> list[Sample]:
        """Read a piece; DatasetError when it is damaged or gone."""

    def numbers(self, count: int) -> npt.NDArray[np.int64]:
        """Return which the first `count` images are, counted in the order of the files."""

    def check(self, problem: Problem) -> None:
        """Raise LabelError when there may be a text that the network cannot learn."""


class ShardPieces:
    """The shards of a generated dataset."""

    strict = True

    def __init__(self, dataset: Dataset, seed: int) -> None:
        self._dataset = dataset
        self._order = permutation(seed, 0, len(dataset.index.shards))
        self.name = dataset.folder.url
        self._sizes = np.array([record.images for record in dataset.index.shards], np.int64)
        self.counts = self._sizes[self._order]
        self.files: Sequence[str] = ()

    def read(self, piece: int) -> list[Sample]:
        shard = int(self._order[piece])
        samples = list(self._dataset.shard(shard))
        if len(samples) != self.counts[piece]:
            raise DamagedDatasetError(
                f"{self.name}: shard {shard} holds {counted(len(samples), 'image')}, "
                f"not {self.counts[piece]:,}"
            )
        return samples

    def numbers(self, count: int) -> npt.NDArray[np.int64]:
        starts = self._sizes.cumsum() - self._sizes
        needed = np.searchsorted(self.counts.cumsum(), count) + 1
        parts = [
            np.arange(starts[shard], starts[shard] + self._sizes[shard]) for shard in self._order[:needed]
        ]
        return np.concatenate(parts)[:count]

    def check(self, problem: Problem) -> None:
        spec = self._dataset.plan.spec
        problem.check_covers(spec.charset, spec.lengths)


class FilePieces:
    """The images of a folder, in runs of files drawn at random."""

    strict = False

    def __init__(self, folder: LabelledFolder, seed: int, files: int = FILES) -> None:
        self._folder = folder
        self._files = files
        self._order = permutation(seed, 0, len(folder))
        self.name = folder.folder.url
        starts = np.arange(0, len(folder), files)
        self.counts = np.minimum(files, len(folder) - starts)
        self.files: Sequence[str] = [name for name, _ in folder.labels]

    def read(self, piece: int) -> list[Sample]:
        numbers = self._order[piece * self._files : (piece + 1) * self._files].tolist()
        try:
            return [sample for number in numbers for sample in self._folder.samples(number, 1)]
        except FileNotFoundError as error:
            raise ChangedDatasetError(f"an image is gone since training began: {error}") from None

    def numbers(self, count: int) -> npt.NDArray[np.int64]:
        return self._order[:count]

    def check(self, problem: Problem) -> None:
        problem.check_labels(text for _, text in self._folder.labels)


def pieces_of(images: Dataset | LabelledFolder, seed: int, files: int = FILES) -> Pieces:
    """Cut a dataset into its shards, or a folder into pieces of so many files.

    Raises
    ------
    DatasetError
        When it holds no images.
    """
    if not len(images):
        raise DatasetError(f"{images.folder.url} holds no images")
    return ShardPieces(images, seed) if isinstance(images, Dataset) else FilePieces(images, seed, files)


class Streamed:
    """Labelled images read as training goes, shuffled anew each epoch.

    The first pieces are held out, the last of them in part. What comes when depends on the
    pieces and the seed alone.

    Parameters
    ----------
    pieces
        The images.
    seed
        Of the shuffling; give the one that the pieces were drawn with.
    size, rule
        Width and height in pixels that the images are fitted to, and how.
    grey
        One channel instead of three.
    held_out
        Share of the images kept for validation, 0 to less than 1.
    window
        Images that are shuffled among each other, at the least.

    Raises
    ------
    LabelError
        When there is nothing to train on.
    """

    def __init__(
        self,
        pieces: Pieces,
        seed: int = 0,
        *,
        size: tuple[int, int],
        rule: ResizeRule = STRETCHED,
        grey: bool = True,
        held_out: float = 0.1,
        window: int = WINDOW,
    ) -> None:
        self._pieces = pieces
        self._seed = seed
        self._size = size
        self._rule = rule
        self._grey = grey
        ends = pieces.counts.cumsum()
        total = int(ends[-1])
        self._left_out: dict[str, str] = {}
        self._kept = round(held_out * total)
        if self._kept >= total:
            raise LabelError("no images left to train on")
        self._first = int(np.searchsorted(ends, self._kept, side="right"))  # the piece training begins in
        self._counts = pieces.counts[self._first :].copy()
        self._counts[0] = ends[self._first] - self._kept
        self._width = max(2, math.ceil(window * len(self._counts) / (total - self._kept)))
        self._shelf = _Shelf(pieces.read, 2 * self._width)
        self._decoders = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="decode")
        self._validation = functools.lru_cache(maxsize=1)(self._held_out)  # asked for after each slice

    def __len__(self) -> int:
        """Return the number of images in one epoch."""
        return int(self._counts.sum())

    @property
    def image_size(self) -> tuple[int, int]:
        return self._size

    def batch(self, position: int, size: int) -> Batch:
        parts = [self._of_epoch(*span) for span in spans(position, size, len(self))]
        samples = list(itertools.chain.from_iterable(parts))
        (images, texts), faulty = self._decoded(samples)
        if faulty:
            _fill_in(images, texts, faulty, self._pieces.name)
        return images, texts

    def weights(self, position: int, size: int) -> Weights | None:
        return None

    def held_out(self, count: int) -> Batch:
        return self._validation(min(count, self._kept))

    def held_out_files(self, count: int) -> list[str]:
        if not self._pieces.files:
            return []
        numbers = self._pieces.numbers(min(count, self._kept))
        return [self._pieces.files[number] for number in numbers.tolist()]

    def check(self, problem: Problem) -> None:
        self._pieces.check(problem)

    def describe(self) -> dict[str, Any]:
        images = int(self._pieces.counts.sum())
        record = {"kind": "streamed", "name": self._pieces.name, "images": images, "seed": self._seed}
        return record | described_left_out(dict(sorted(self._left_out.items())))

    def _of_epoch(self, epoch: int, start: int, count: int) -> list[Sample]:
        order = permutation(self._seed, epoch + 1, len(self._counts))  # stream 0 drew the pieces
        borders = np.concatenate([[0], self._counts[order].cumsum()])
        borders = np.append(borders[: -1 : self._width], borders[-1])  # of the windows
        samples: list[Sample] = []
        end = start + count
        while start < end:
            window = int(np.searchsorted(borders, start, side="right")) - 1
            begins, ends = int(borders[window]), int(borders[window + 1])
            if start >= (begins + ends) // 2:
                self._shelf.ask(self._members(*self._next(epoch, window)))  # read ahead
            samples += self._of_window(epoch, window, start - begins, min(end, ends) - begins)
            start = min(end, ends)
        return samples

    def _of_window(self, epoch: int, window: int, start: int, end: int) -> list[Sample]:
        members = self._members(epoch, window)
        shelved = [future.result() for future in self._shelf.ask(members)]
        counts = self._counts[[member - self._first for member in members]]
        last = counts.cumsum()
        stream = (epoch + 1) << 32 | (window + 1)
        numbers = permutation(self._seed, stream, int(last[-1]))[start:end]
        owners = np.searchsorted(last, numbers, side="right")
        # Counted from a piece's end, because the first piece may begin with held-out images.
        backwards = last[owners] - numbers
        return [
            shelved[piece][-number] for piece, number in zip(owners.tolist(), backwards.tolist(), strict=True)
        ]

    def _members(self, epoch: int, window: int) -> list[int]:
        """Return the pieces of a window."""
        order = permutation(self._seed, epoch + 1, len(self._counts))
        pieces = order[window * self._width : (window + 1) * self._width]
        return [self._first + piece for piece in pieces.tolist()]

    def _next(self, epoch: int, window: int) -> tuple[int, int]:
        return (epoch, window + 1) if (window + 1) * self._width < len(self._counts) else (epoch + 1, 0)

    def _held_out(self, count: int) -> Batch:
        # Piece by piece, so that no more than one is held encoded.
        images, texts = [], list[str]()
        for piece in range(len(self._pieces.counts)):
            samples = self._pieces.read(piece)[: count - len(texts)]
            if not samples:
                break
            (piece_images, piece_texts), faulty = self._decoded(samples)
            images.append(np.delete(piece_images, faulty, axis=0))
            texts += [text for row, text in enumerate(piece_texts) if row not in faulty]
        return np.concatenate(images), texts

    def _decoded(self, samples: Sequence[Sample]) -> tuple[Batch, list[int]]:
        """Return decoded samples, and the rows of those that cannot be decoded."""
        width, height = self._size
        images = np.empty((len(samples), height, width, 1 if self._grey else 3), np.uint8)

        def decode_chunk(start: int) -> list[int]:
            faulty = []
            for row, sample in enumerate(samples[start : start + _CHUNK], start):
                try:
                    images[row] = decode_sample(
                        sample, self._size, grey=self._grey, url=self._pieces.name, rule=self._rule
                    )
                except DatasetError as error:
                    if self._pieces.strict:
                        raise
                    self._left_out[f"{sample.key}.{sample.extension}"] = str(error)
                    faulty.append(row)
            return faulty

        chunks = self._decoders.map(decode_chunk, range(0, len(samples), _CHUNK))
        faulty = list(itertools.chain.from_iterable(chunks))
        return (images, [sample.text for sample in samples]), faulty


def _fill_in(images: npt.NDArray[np.uint8], texts: list[str], faulty: list[int], name: str) -> None:
    """Put in the place of images that could not be decoded those that stand next in the batch."""
    readable = sorted(set(range(len(texts))) - set(faulty))
    if not readable:
        raise DatasetError(f"{name}: none of {counted(len(texts), 'image')} in a row can be read")
    for row in faulty:
        other = readable[bisect.bisect(readable, row) % len(readable)]
        images[row], texts[row] = images[other], texts[other]


class _Shelf:
    """Pieces in memory, those used last: read in the background, once for all who ask."""

    def __init__(self, read: Callable[[int], list[Sample]], kept: int) -> None:
        self._read = read
        self._kept = kept
        self._held: OrderedDict[int, Future[list[Sample]]] = OrderedDict()
        self._lock = threading.Lock()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="read")

    def ask(self, pieces: Sequence[int]) -> list[Future[list[Sample]]]:
        """Return the pieces to come; one whose reading failed is read again."""
        with self._lock:
            futures = [self._ask(piece) for piece in pieces]
            while len(self._held) > self._kept:
                self._held.popitem(last=False)
        return futures

    def _ask(self, piece: int) -> Future[list[Sample]]:
        future = self._held.get(piece)
        if future is None or (future.done() and future.exception()):
            future = self._held[piece] = self._readers.submit(self._read, piece)
        self._held.move_to_end(piece)
        return future
