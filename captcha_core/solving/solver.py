"""The solver: a checkpoint made ready to read images."""

import dataclasses
import io
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from .. import engines, machine
from ..codecs import masking
from ..codecs.answer import Answer
from ..codecs.occurrence import Occurrence
from ..codecs.options import Decoding
from ..engines import Engine
from ..errors import CapqError, ImageError
from ..images import decoding, files
from ..images.pixels import with_channels
from ..networks import checkpoint
from ..networks.checkpoint import Checkpoint
from ..spec import charset as charsets
from .ahead import decode_ahead, decode_in_turn, in_groups
from .selection import Selection, select_checkpoint
from .stages import DECODE, NETWORK, READ, TEXT, StageTimes

Array = npt.NDArray[np.uint8]
Readable = str | Path | bytes | Image.Image | Array

_PLAIN_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})

_Decoded = tuple[Array, bool] | str
"""Pixels and whether they were resized, which the network was not trained for; or why there are none."""


class Solver:
    """Reads images with one network on one device.

    Attributes
    ----------
    checkpoint
        What it reads with.
    engine
        What runs the network, and where.
    size
        Width and height of the images that `read` takes; others are fitted to it by the
        checkpoint's resize rule.
    grey
        Whether these have one channel.
    beam, lengths
        How texts are decoded, as `Codec.decode` takes them.
    charset, ignore_case
        The characters that the texts may have, and whether case is ignored, as `masking.masked`
        takes them.
    times
        How long it has spent in each stage of reading.
    """

    def __init__(
        self,
        loaded: Checkpoint,
        engine: Engine,
        *,
        beam: int | None = None,
        lengths: tuple[int, int] | None = None,
        charset: str | None = None,
        ignore_case: bool = False,
        times: StageTimes | None = None,
    ) -> None:
        self.checkpoint = loaded
        self.engine = engine
        self.size = loaded.model.problem.size
        self.grey = loaded.model.problem.grey
        self.beam = beam
        self.lengths = loaded.codec.allowed_lengths(lengths)
        self.charset = charset
        self.ignore_case = ignore_case
        self.times = times or StageTimes()
        self._codec = masking.masked(loaded.codec, charset, ignore_case=ignore_case)

    @classmethod
    def load(
        cls,
        name_or_path: str | Path | None = None,
        device: str | None = None,
        engine: str = engines.AUTO,
        *,
        beam: int | None = None,
        lengths: tuple[int, int] | None = None,
        charset: str | None = None,
        ignore_case: bool = False,
    ) -> "Solver":
        """Load a checkpoint, the default one when none is named, on the best device there is.

        Parameters
        ----------
        device, engine
            As `engines.load` takes them. On a CPU, ``auto`` prefers the ONNX files that
            `capq export` put beside the weights, which need no PyTorch.
        beam
            Search for the most probable text with so many beams where the network is in doubt.
        lengths
            Least and greatest length of the texts, where they are known more closely than the
            network was trained for.
        charset
            The characters that the texts may have, or the name of a set, as `spec.charset.parse_given`
            takes them: no others are read, and the confidence is the probability among texts of
            these.
        ignore_case
            Read upper and lower case of a letter as one, for images whose case does not matter or
            cannot be told. Texts are spelt as in `charset`; without it, in the case that comes
            first in the network's charset, which is upper case in the shipped networks.

        Raises
        ------
        CheckpointError
            When the checkpoint or its ONNX file is missing or damaged, or the network does not
            read texts of these lengths or some of these characters.
        SpecError
            When the charset repeats a character, or is neither a set's name nor printable.
        TrainingError
            When this machine has no such device, or the engine does not run on it.
        MissingExtraError
            When neither PyTorch nor onnxruntime with an exported network is there.
        """
        loaded = checkpoint.load(name_or_path)
        return cls(
            loaded,
            engines.load(loaded, device, engine),
            beam=beam,
            lengths=lengths,
            charset=None if charset is None else charsets.parse_given(charset),
            ignore_case=ignore_case,
        )

    @classmethod
    def for_images(
        cls,
        items: Sequence[Readable],
        device: str | None = None,
        *,
        beam: int | None = None,
        lengths: tuple[int, int] | None = None,
        charset: str | None = None,
        ignore_case: bool = False,
    ) -> "Solver":
        """Load the shipped network that reads a sample of some images with the most confidence.

        Which one that is, and why, tells `selection.select_checkpoint`, which takes other
        candidates too, and how characters and lengths that do not occur in the sample are left
        out: `charset` and `lengths` of the solver. A ``UserWarning`` says so when no network is
        sure of them.

        Parameters
        ----------
        items
            Images as `solve` takes them; up to 256 of them are read.
        device, beam, lengths, charset, ignore_case
            As `load` takes them.

        Raises
        ------
        CheckpointError, SpecError, TrainingError, MissingExtraError
            As `load` raises them.
        """
        options = Decoding(
            beam=beam,
            lengths=lengths,
            charset=None if charset is None else charsets.parse(charset),
            ignore_case=ignore_case,
        )
        selection = select_checkpoint(items, device=device, decoding=options)
        if selection.warning:
            warnings.warn(selection.warning, stacklevel=2)
        return cls.load_for(selection, device)

    @classmethod
    def load_for(cls, selection: Selection, device: str | None = None) -> "Solver":
        """Load the network of a selection, to decode as it says."""
        loaded = checkpoint.load(selection.checkpoint)
        return cls(loaded, engines.load(loaded, device), **selection.decoding.values)

    @property
    def device(self) -> str:
        """Where the network runs: ``cpu``, ``cuda:0``, ``mps``."""
        return self.engine.device

    def solve(
        self, items: Iterable[Readable], batch: int | None = None, threads: int | None = None
    ) -> list[Answer]:
        """Read images of any size; what cannot be read gets an `Answer` with its error.

        Parameters
        ----------
        items
            Paths, the bytes of image files, Pillow images, or uint8 arrays (H, W),
            (H, W, 1) or (H, W, 3).
        batch
            Largest number of images that the network reads at a time; absent, what its engine is
            fastest with.
        threads
            Read files and decode the next batches while the network reads this one; absent, as many
            as `machine.threads` gives. One thread beside a network on the CPU does so only once
            the files have kept it waiting.
        """
        return list(self.stream(items, batch, threads))

    def stream(
        self, items: Iterable[Readable | ImageError], batch: int | None = None, threads: int | None = None
    ) -> Iterator[Answer]:
        """Yield answers in the order of the images, holding a few batches at most.

        Parameters
        ----------
        items
            As `solve` takes them; an error stands for an image that could not be had.
        """
        width, height = self.size
        decoded_bytes = width * height * self.checkpoint.model.problem.channels
        groups = in_groups(self.times.reading(items), batch or self.engine.batch_size, decoded_bytes)
        threads = threads or machine.threads()
        if threads == 1 and self.device == "cpu":
            decoded_groups = decode_in_turn(self._decoded, groups)
        else:
            decoded_groups = decode_ahead(self._decoded, groups, threads)
        for decoded in decoded_groups:
            yield from self._answers_for(decoded)

    def occurrence(self, items: Iterable[Readable | ImageError]) -> Occurrence:
        """Estimate which characters and lengths occur in the texts of a sample of some images.

        Items that cannot be read are left out. Method and limits: `codecs.occurrence`.

        Parameters
        ----------
        items
            As `stream` takes them, all of one look; a few hundred tell enough.

        Raises
        ------
        ImageError
            When none can be read.
        """
        pixels = [image[0] for image in self._decoded(list(items)) if not isinstance(image, str)]
        size = self.engine.batch_size
        logits = [self.engine.logits(np.stack(pixels[k : k + size])) for k in range(0, len(pixels), size)]
        if not logits:
            raise ImageError("none of the images of the sample can be read")
        return self._codec.occurrence(np.concatenate(logits), lengths=self.lengths)

    def read(self, arrays: Array) -> list[Answer]:
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
        with self.times.measured(NETWORK):
            logits = self.engine.logits(inputs)
        with self.times.measured(TEXT):
            return self._codec.decode(logits, beam=self.beam, lengths=self.lengths).answers()

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
        return self._fitted(_held(item))[0]

    def _fitted(self, item: bytes | Array | Image.Image) -> tuple[Array, bool]:
        """Decode one image, and return whether it had a size that the network was not trained for."""
        if isinstance(item, np.ndarray):
            pixels: Array = with_channels(item[None], self.checkpoint.model.problem.channels)[0]
            if pixels.shape[:2] == (self.size[1], self.size[0]):
                return pixels, False
            item = Image.fromarray(pixels[:, :, 0] if self.grey else pixels)
        model = self.checkpoint.model
        pixels, own = decoding.decode_with_size(
            item if isinstance(item, bytes) else _as_png(item),
            self.size,
            grey=self.grey,
            rule=model.resize_rule,
        )
        return pixels, own != self.size and not model.trained_on_resized

    def _decoded(self, group: Sequence[Readable | ImageError]) -> list[_Decoded]:
        decoded: list[_Decoded] = []
        read_seconds, started_at = 0.0, time.perf_counter()
        for item in group:
            try:
                if isinstance(item, ImageError):
                    raise item
                read_at = time.perf_counter()
                held = _held(item)
                read_seconds += time.perf_counter() - read_at
                decoded.append(self._fitted(held))
            except CapqError as error:
                decoded.append(str(error))
        self.times.add(READ, read_seconds)
        self.times.add(DECODE, time.perf_counter() - started_at - read_seconds)
        return decoded

    def _answers_for(self, decoded: list[_Decoded]) -> Iterator[Answer]:
        pixels = [image[0] for image in decoded if not isinstance(image, str)]
        answers = iter(self.read(np.stack(pixels)) if pixels else [])
        for image in decoded:
            if isinstance(image, str):
                yield Answer.failed(image)
            else:
                answer, resized = next(answers), image[1]
                yield dataclasses.replace(answer, resized=True) if resized else answer


def _held(item: Readable) -> bytes | Array | Image.Image:
    """Return an item as it is; of a path, the file's bytes."""
    return files.read_file(item) if isinstance(item, str | Path) else item


def _as_png(picture: Image.Image) -> bytes:
    """Pass a picture through an uncompressed file, so that one function decides how images are read."""
    buffer = io.BytesIO()
    try:
        plain = picture if picture.mode in _PLAIN_MODES else picture.convert("RGB")
        plain.save(buffer, "PNG", compress_level=0)
    except (OSError, ValueError, SyntaxError, MemoryError) as error:
        raise ImageError(f"damaged image: {error}") from None
    return buffer.getvalue()
