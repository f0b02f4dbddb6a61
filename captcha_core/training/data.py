"""Sources of training images: what comes at a position depends on the position alone.

So a run resumes with nothing but the number of images it has seen, and a slice that runs
twice sees the same images twice.
"""

import copy
import functools
import hashlib
import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import LabelError, TrainingError, counted
from ..images.pixels import with_channels
from ..labels.listing import printable
from ..networks import Problem
from ..spec import Spec

if TYPE_CHECKING:
    from ..rendering import Renderer

Images = npt.NDArray[np.uint8]
Batch = tuple[Images, list[str]]
Weights = npt.NDArray[np.float32]

SHARD = 8192  # images of a rendered stream that share a shard number
_FOLDS = 1 << 62  # the stream that draws the folds: no epoch reaches it
_SHOWN = 20  # images that could not be read
_VALIDATION = 1 << 63  # added to the seed of held-out images: no training seed reaches it


class Source(Protocol):
    """An endless stream of labelled images."""

    @property
    def image_size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    def batch(self, position: int, size: int) -> Batch:
        """Return the images `position` … `position + size` of the stream, and their texts.

        Returns
        -------
        uint8 (size, H, W, 1 or 3), and `size` texts. Safe to call from several threads.
        """

    def weights(self, position: int, size: int) -> Weights | None:
        """Return what the losses of these images of the stream are multiplied by; None for 1 each.

        Returns
        -------
        float32 (size,), or None.
        """

    def held_out(self, count: int) -> Batch:
        """Return at most `count` images that never come up in `batch`; the same ones each time."""

    def held_out_files(self, count: int) -> list[str]:
        """Return the file names of these images; nothing where they are in no labelled files."""

    def check(self, problem: Problem) -> None:
        """Raise LabelError when a text may come up that the network cannot learn."""

    def describe(self) -> dict[str, Any]:
        """Return JSON for the training record."""


class Rendered:
    """Fresh images of a spec, without end.

    Parameters
    ----------
    seed
        0 … 2**63 - 1. Held-out images are drawn under another seed.
    """

    def __init__(self, spec: Spec, seed: int = 0) -> None:
        if not 0 <= seed < _VALIDATION:
            raise TrainingError(f"a seed is 0 … 2**63 - 1, not {seed}")
        self.spec = spec
        self.seed = seed
        self._own = threading.local()  # a renderer belongs to one thread
        self._renderer()

    @property
    def image_size(self) -> tuple[int, int]:
        return self.spec.width, self.spec.height

    def batch(self, position: int, size: int) -> Batch:
        return self._stream(self.seed, position, size)

    def weights(self, position: int, size: int) -> Weights | None:
        return None

    def held_out(self, count: int) -> Batch:
        return self._stream(self.seed + _VALIDATION, 0, count)

    def held_out_files(self, count: int) -> list[str]:
        return []

    def check(self, problem: Problem) -> None:
        problem.check_covers(self.spec.charset, self.spec.lengths)

    def describe(self) -> dict[str, Any]:
        return {"kind": "rendered", "spec": self.spec.model_dump(mode="json"), "seed": self.seed}

    def _renderer(self) -> "Renderer":
        from ..rendering import open_renderer

        if not hasattr(self._own, "renderer"):
            self._own.renderer = open_renderer(self.spec)
        renderer: Renderer = self._own.renderer
        return renderer

    def _stream(self, seed: int, position: int, size: int) -> Batch:
        in_shards = list(spans(position, size)) or [(0, 0, 0)]
        return concatenated([self._renderer().batch(seed, *span) for span in in_shards])


class InMemory:
    """Labelled images held in memory, shuffled anew each epoch.

    Parameters
    ----------
    images
        uint8 (N, H, W), (N, H, W, 1) or (N, H, W, 3).
    texts
        N labels.
    seed
        Of the shuffling and of the choice of held-out images.
    grey
        Hold one channel; a third of the memory.
    held_out
        Share of the images kept for validation, 0 to less than 1; or the numbers of these images.
    name
        Where the images came from, for the record.
    left_out
        Why images could not be read, by their paths, for the record.
    files
        The N file names, where labels that look wrong are to be named; empty for none.

    Raises
    ------
    LabelError
        When there is nothing to train on or the labels' count is not the images'.
    """

    def __init__(
        self,
        images: Images,
        texts: Sequence[str],
        seed: int = 0,
        *,
        grey: bool = True,
        held_out: float | npt.NDArray[np.int64] = 0.1,
        name: str = "",
        left_out: Mapping[str, str] | None = None,
        files: Sequence[str] = (),
    ) -> None:
        if len(images) != len(texts):
            raise LabelError(f"{counted(len(images), 'image')} and {counted(len(texts), 'label')}")
        self._images = with_channels(images, 1 if grey else 3)
        self._texts = list(texts)
        self._seed = seed
        self._name = name
        self._left_out = dict(left_out or {})
        self._files = files
        self._weights: Weights | None = None
        self._digests = list[str]()
        if not isinstance(held_out, np.ndarray):
            held_out = self._permutation(0, len(texts))[: round(held_out * len(texts))]
        self._held = held_out
        self._trained = np.setdiff1d(np.arange(len(texts)), held_out)
        if not len(self._trained):
            raise LabelError("no images left to train on")

    def __len__(self) -> int:
        """Return the number of images in one epoch."""
        return len(self._trained)

    @property
    def image_size(self) -> tuple[int, int]:
        return self._images.shape[2], self._images.shape[1]

    def batch(self, position: int, size: int) -> Batch:
        return self._take(self._numbers(position, size))

    def weights(self, position: int, size: int) -> Weights | None:
        return None if self._weights is None else self._weights[self._numbers(position, size)]

    def held_out(self, count: int) -> Batch:
        return self._take(self._held[:count])

    def held_out_files(self, count: int) -> list[str]:
        return [self._files[number] for number in self._held[:count].tolist()] if self._files else []

    def check(self, problem: Problem) -> None:
        problem.check_labels(self._texts)

    def describe(self) -> dict[str, Any]:
        record = {"kind": "in memory", "name": self._name, "images": len(self._texts), "seed": self._seed}
        return record | described_left_out(self._left_out)

    def weighted(self, by_file: Mapping[str, float]) -> "InMemory":
        """Return a source of the same images, in which the losses of some are multiplied by a weight."""
        weighted = copy.copy(self)
        weighted._weights = np.array([by_file.get(file, 1) for file in self._files], np.float32)
        return weighted

    def whole(self) -> "InMemory":
        """Return a source of the same images that holds none of them out."""
        whole = copy.copy(self)
        whole._held = self._held[:0]
        whole._trained = np.arange(len(self._texts))
        return whole

    def digests(self) -> list[str]:
        """Return the digest of each image's pixels, the held-out ones included."""
        if not self._digests:
            self._digests = [pixel_digest(pixels) for pixels in self._images]
        return self._digests

    def fold(self, number: int, count: int) -> "InMemory":
        """Return a source of the training images alone, which holds out one of `count` equal parts of them.

        Raises
        ------
        LabelError
            When there are fewer than two images a part.
        """
        if len(self._trained) < 2 * count:
            raise LabelError(f"{counted(len(self._trained), 'image')} are too few for {count} folds")
        order = self._trained[permutation(self._seed, _FOLDS, len(self._trained))]
        fold = copy.copy(self)
        fold._held = order[number::count]
        fold._trained = np.setdiff1d(self._trained, fold._held)
        return fold

    def _numbers(self, position: int, size: int) -> npt.NDArray[np.int64]:
        """Return which images stand at a stretch of the stream."""
        epoch_size = len(self._trained)
        parts = []
        for epoch, start, count in spans(position, size, epoch_size):
            order = self._permutation(epoch + 1, epoch_size)  # stream 0 chose the held-out images
            parts.append(self._trained[order[start : start + count]])
        return np.concatenate(parts)

    def _take(self, numbers: npt.NDArray[np.int64]) -> Batch:
        return self._images[numbers], [self._texts[number] for number in numbers.tolist()]

    def _permutation(self, stream: int, count: int) -> npt.NDArray[np.int64]:
        return permutation(self._seed, stream, count)


def pixel_digest(pixels: Images) -> str:
    """Return a digest of an image as the network sees it."""
    return hashlib.sha256(pixels.tobytes()).hexdigest()


@functools.lru_cache(maxsize=4)
def permutation(seed: int, stream: int, count: int) -> npt.NDArray[np.int64]:
    """Return 0 … `count` - 1 in an order that depends on the seed and the stream's number alone."""
    return np.random.Generator(np.random.Philox(key=[seed, stream])).permutation(count)


def described_left_out(left_out: Mapping[str, str]) -> dict[str, Any]:
    """Return, for a training record, how many images could not be read, and why the first ones."""
    if not left_out:
        return {}
    first = {printable(name): reason for name, reason in itertools.islice(left_out.items(), _SHOWN)}
    return {"left_out": {"count": len(left_out), "first": first}}


def concatenated(parts: Sequence[Batch]) -> Batch:
    """Put batches one after the other."""
    texts = [text for _, part_texts in parts for text in part_texts]
    return (parts[0][0] if len(parts) == 1 else np.concatenate([images for images, _ in parts])), texts


def spans(position: int, size: int, length: int = SHARD) -> Iterator[tuple[int, int, int]]:
    """Cut a stretch of a stream at multiples of `length`: (which, start within, count)."""
    end = position + size
    while position < end:
        which, start = divmod(position, length)
        count = min(length - start, end - position)
        yield which, start, count
        position += count
