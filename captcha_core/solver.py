"""The solver: a checkpoint made ready to read images."""

import io
import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from . import checkpoint, devices, images
from .checkpoint import Checkpoint
from .codec import Reading
from .errors import CapqError, ImageError
from .networks.layers import fold
from .pixels import with_channels

Array = npt.NDArray[np.uint8]
Readable = str | Path | bytes | Image.Image | Array

_PLAIN_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})

T = TypeVar("T")


class Solver:
    """Reads images with one network on one device.

    Attributes
    ----------
    checkpoint
        What it reads with.
    size
        Width and height of the images that `read` takes.
    grey
        Whether these have one channel.
    device
        Where the network is.
    """

    def __init__(self, loaded: Checkpoint, device: torch.device | None = None) -> None:
        self.checkpoint = loaded
        self.size = loaded.model.problem.size
        self.grey = loaded.model.problem.grey
        self.device = device or devices.choose()
        self._codec = loaded.codec
        self._network = devices.placed(fold(loaded.network()), self.device)

    @classmethod
    def load(cls, name_or_path: str | Path | None = None, device: str | None = None) -> "Solver":
        """Load a checkpoint, the default one when none is named, on the best device there is.

        Raises
        ------
        CheckpointError
            When it is missing or damaged.
        TrainingError
            When this machine has no such device.
        """
        return cls(checkpoint.load(name_or_path), devices.choose(device))

    def solve(self, items: Iterable[Readable], batch: int = 128, threads: int = 2) -> list[Reading]:
        """Read images of any size; what cannot be read gets a `Reading` with its error.

        Parameters
        ----------
        items
            Paths, the bytes of image files, Pillow images, or uint8 arrays (H, W),
            (H, W, 1) or (H, W, 3).
        threads
            Decode the next batch while the network reads this one.
        """
        return list(self.stream(items, batch, threads))

    def stream(self, items: Iterable[Readable], batch: int = 128, threads: int = 2) -> Iterator[Reading]:
        """Yield readings in the order of the images, holding three batches at most."""
        with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
            ahead: list[Iterator[Array | str]] = []
            for group in _groups(items, batch):
                ahead.append(pool.map(self._decoded, group))
                if len(ahead) > 1:
                    yield from self._read_some(list(ahead.pop(0)))
            for decoded in ahead:
                yield from self._read_some(list(decoded))

    def read(self, arrays: Array) -> list[Reading]:
        """Read images that have the checkpoint's size already.

        Parameters
        ----------
        arrays
            uint8 (N, H, W), (N, H, W, 1) or (N, H, W, 3); colour becomes grey where the
            network is grey.

        Raises
        ------
        ImageError
            When the array has another form or size.
        """
        inputs = with_channels(arrays, self.checkpoint.model.problem.channels)
        if not len(inputs):
            return []
        width, height = self.size
        if inputs.shape[1:3] != (height, width):
            raise ImageError(
                f"images are {inputs.shape[2]}×{inputs.shape[1]}, and this network reads {width}×{height}"
            )
        scaling = self.checkpoint.model.scaling
        with torch.inference_mode(), devices.mixed_precision(self.device):
            logits = self._network(
                devices.scaled(devices.upload(inputs, self.device), scaling.mean, scaling.std)
            )
        return self._codec.decode(logits.float().cpu().numpy()).readings()

    def decode(self, item: Readable) -> Array:
        """Bring one image to the checkpoint's size and channels.

        Returns
        -------
        uint8 (H, W, 1 or 3), ready to be stacked for `read`.

        Raises
        ------
        ImageError
            When it cannot be read.
        """
        if isinstance(item, np.ndarray):
            return self._fitted(item)
        return images.decode(_file_bytes(item), self.size, grey=self.grey)

    def _fitted(self, array: Array) -> Array:
        pixels: Array = with_channels(array[None], self.checkpoint.model.problem.channels)[0]
        if pixels.shape[:2] == (self.size[1], self.size[0]):
            return pixels
        picture = Image.fromarray(pixels[:, :, 0] if self.grey else pixels)
        return images.decode(_file_bytes(picture), self.size, grey=self.grey)

    def _decoded(self, item: Readable) -> Array | str:
        try:
            return self.decode(item)
        except CapqError as error:
            return str(error)

    def _read_some(self, decoded: list[Array | str]) -> list[Reading]:
        good = [each for each in decoded if not isinstance(each, str)]
        found = iter(self.read(np.stack(good)) if good else [])
        return [Reading.failed(each) if isinstance(each, str) else next(found) for each in decoded]


def _file_bytes(item: str | Path | bytes | Image.Image) -> bytes:
    if isinstance(item, bytes):
        return item
    if isinstance(item, Image.Image):
        return _as_png(item)
    path = Path(item)
    try:
        if path.stat().st_size > images.MAX_BYTES:
            raise ImageError(f"{path}: over the limit of {images.MAX_BYTES:,} bytes")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def _as_png(picture: Image.Image) -> bytes:
    """Pass a picture through an uncompressed file, so that one function decides how images are read."""
    buffer = io.BytesIO()
    try:
        plain = picture if picture.mode in _PLAIN_MODES else picture.convert("RGB")
        plain.save(buffer, "PNG", compress_level=0)
    except (OSError, ValueError, SyntaxError, MemoryError) as error:
        raise ImageError(f"damaged image: {error}") from None
    return buffer.getvalue()


def _groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while group := list(itertools.islice(iterator, size)):
        yield group
