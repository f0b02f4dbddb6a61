"""Unlabelled images, decoded into parts of a run's folder: each part takes seconds, and is kept.

An image that is the same as a labelled one, pixel by pixel as the network sees it, is left out, so that
nothing that a network reads in it stands against the label, and no held-out image comes to be trained
on under another name. Of images that are the same as each other the first is taken.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pydantic

from ..errors import ImageError, StorageError, TrainingError
from ..images.decoding import decode
from ..images.files import read_file
from ..inputs import Entry, Item, Source
from ..storage import AnyPath
from .arrays import read_array
from .data import Images, InMemory, pixel_digest
from .plan import TrainingPlan
from .run_folder import RunFolder

MOST = 20_000  # more are seen hardly once by a training of some rounds
UNREADABLE = "unreadable"
"""The reason, with the cause after it, of an image that cannot be decoded."""

_MOST_BYTES = 1 << 30  # of the decoded ones, on the disk
_A_PART = 500
_LISTING, _FILE, _IMAGES = "unlabelled-listing", "unlabelled.json", "images.npy"


class Listing(pydantic.BaseModel):
    """The unlabelled images that a run works with.

    Attributes
    ----------
    listed
        How many there were; of more than the run takes, some are drawn at random.
    entries
        Those taken, as `Entry.as_value` gives them.
    """

    model_config = pydantic.ConfigDict(frozen=True)

    listed: int
    entries: tuple[object, ...]

    @property
    def parts(self) -> int:
        return -(-len(self.entries) // _A_PART)


class _Decoded(pydantic.BaseModel):
    """A part's images.

    Attributes
    ----------
    paths, digests
        Of the images to be read, in the order of the array.
    refused
        Paths of the others, and why they are not read.
    """

    paths: list[str]
    digests: list[str]
    refused: list[tuple[str, str]]


@dataclass(frozen=True)
class Part:
    """A part's images.

    Attributes
    ----------
    paths
        Of the images to be read.
    refused
        Paths of the others, and why they are not read.
    images
        uint8 (N, H, W, 1 or 3), mapped from the disk where they are on one.
    """

    paths: list[str]
    refused: list[tuple[str, str]]
    images: Images


def list_images(run: RunFolder, source: Source, plan: TrainingPlan) -> Listing:
    """List the images, once for a run.

    Raises
    ------
    InputError, StorageError
        When they cannot be listed.
    NotOwnerError
        When the folder is another run's.
    """
    path = run.path / _LISTING / _FILE
    if not path.is_file():
        listing = _drawn(source.open().entries(), _most(plan), plan.seed)
        with run.subfolder(_LISTING, _FILE) as aside:
            (aside / _FILE).write_text(listing.model_dump_json(), encoding="utf-8")
    return Listing.model_validate_json(_bytes(path))


def decode_part(run: RunFolder, number: int, source: Source, labelled: InMemory, plan: TrainingPlan) -> None:
    """Decode a part's images, unless that was done, after those of all parts before it."""
    if (run.path / _name(number) / _FILE).is_file():
        return
    taken = dict.fromkeys(labelled.digests(), "a labelled image")
    for before in range(number):
        earlier = _decoded(run.path, before)
        taken |= {
            digest: f"the same image as {path}"
            for path, digest in zip(earlier.paths, earlier.digests, strict=True)
        }
    entries = [Entry.from_value(value) for value in listing(run.path).entries[_stretch(number)]]
    part, images = _decode(entries, source.open().items(entries), taken, plan)
    with run.subfolder(_name(number), _FILE) as aside:
        np.save(aside / _IMAGES, images)
        (aside / _FILE).write_text(part.model_dump_json(), encoding="utf-8")


def listing(run: AnyPath) -> Listing:
    """Return what `list_images` listed for a run."""
    return Listing.model_validate_json(_bytes(run / _LISTING / _FILE))


def part(run: AnyPath, number: int) -> Part:
    """Return a decoded part."""
    decoded = _decoded(run, number)
    images = read_array(run / _name(number) / _IMAGES)
    return Part(decoded.paths, decoded.refused, np.asarray(images))


def refused(run: AnyPath) -> Iterator[tuple[str, str]]:
    """Yield the path of each image that is not read, and why."""
    for number in range(listing(run).parts):
        yield from _decoded(run, number).refused


def _decode(
    entries: list[Entry], items: Iterator[Item], taken: dict[str, str], plan: TrainingPlan
) -> tuple[_Decoded, Images]:
    """Decode images; `taken` says by the digest of its pixels why an image is not to be read."""
    part = _Decoded(paths=[], digests=[], refused=[])
    images = []
    for entry, item in zip(entries, items, strict=True):
        try:
            pixels = _pixels(item, plan)
        except ImageError as error:
            part.refused.append((_encodable(entry.path), f"{UNREADABLE}: {error}"))
            continue
        digest = pixel_digest(pixels)
        if digest in taken:
            part.refused.append((_encodable(entry.path), taken[digest]))
            continue
        taken[digest] = f"the same image as {_encodable(entry.path)}"
        part.paths.append(_encodable(entry.path))
        part.digests.append(digest)
        images.append(pixels)
    width, height = plan.problem.size
    shape = (len(images), height, width, plan.problem.channels)
    return part, np.stack(images) if images else np.empty(shape, np.uint8)


def _pixels(item: Item, plan: TrainingPlan) -> npt.NDArray[np.uint8]:
    if isinstance(item, ImageError):
        raise item
    data = item if isinstance(item, bytes) else read_file(item)
    return decode(data, plan.problem.size, grey=plan.problem.grey, rule=plan.resize_rule)


def _drawn(entries: Iterator[Entry], most: int, seed: int) -> Listing:
    """Take all entries or, of more than `most`, so many drawn at random, in their order."""
    kept = list(enumerate(itertools.islice(entries, most)))
    listed = len(kept)
    draw = random.Random(seed)  # noqa: S311 (no secret)
    for number, entry in enumerate(entries, start=listed):
        listed += 1
        slot = draw.randrange(listed)
        if slot < most:
            kept[slot] = (number, entry)
    return Listing(listed=listed, entries=tuple(entry.as_value() for _, entry in sorted(kept, key=_number)))


def _number(numbered: tuple[int, Entry]) -> int:
    return numbered[0]


def _most(plan: TrainingPlan) -> int:
    width, height = plan.problem.size
    return min(MOST, _MOST_BYTES // (width * height * plan.problem.channels))


def _stretch(number: int) -> slice:
    return slice(number * _A_PART, (number + 1) * _A_PART)


def _name(number: int) -> str:
    return f"unlabelled-{number:04d}"


def _decoded(run: AnyPath, number: int) -> _Decoded:
    return _Decoded.model_validate_json(_bytes(run / _name(number) / _FILE))


def _bytes(path: AnyPath) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise TrainingError(f"{path} is gone") from None
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error


def _encodable(path: str) -> str:
    """Return a path with the bytes that are no UTF-8 escaped, as tables have it."""
    return path.encode("utf-8", "backslashreplace").decode()
