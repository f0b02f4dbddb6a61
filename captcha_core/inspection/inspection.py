"""The inspection of a set of labelled images: each is decoded once, and what is told of all is kept."""

import functools
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..datasets import Dataset, LabelledFolder, lookup
from ..errors import DatasetError, ImageError
from ..images.decoding import decode
from ..labels.listing import printable
from ..labels.splits import part_of_path
from ..machine import cores
from . import duplicates
from .drawn_case import DrawnCase
from .duplicates import Group
from .picture import Grey, Picture, look_at, thumbnail
from .suspicious import Suspicions
from .texts import describe_texts

if TYPE_CHECKING:
    from ..solving.solver import Solver

SHOWN = 20
"""Names of a sort that a summary holds."""

_AHEAD = 4  # images a thread that are read before they are looked at
_FORMATS = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".gif": "GIF", ".bmp": "BMP"
}  # fmt: skip

Progress = Callable[[int], None]
"""Called with the number of images that were looked at so far."""


@dataclass
class Inspection:
    """What is known of a set.

    Attributes
    ----------
    url
        The folder.
    labelling
        How the labels were found, and what is left out; empty for a generated dataset.
    images
        Number of labelled images.
    names, texts, pictures
        Those that were looked at and could be read.
    unreadable
        Why the others could not be, by name.
    identical, near
        Groups of images with the same pixels, and pairs that nearly have them; None where they were
        not looked for, among too many.
    drawn_case
        The verdicts of `DrawnCase`.
    suspicions
        What a network reads otherwise, if one was given.
    """

    url: str
    labelling: dict[str, Any]
    images: int
    names: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    identical: list[Group] = field(default_factory=list)
    near: list[Group] | None = None
    drawn_case: list[dict[str, Any]] = field(default_factory=list)
    suspicions: Suspicions | None = None

    @property
    def wrong_extensions(self) -> list[tuple[str, str]]:
        """Names whose extension is another format's, each with its format."""
        return [
            (name, picture.format)
            for name, picture in zip(self.names, self.pictures, strict=True)
            if _FORMATS.get(PurePosixPath(name).suffix.lower(), picture.format) != picture.format
        ]

    @property
    def across_parts(self) -> int:
        """Number of images that come up in more than one of the parts of a divided set."""
        return sum(len({part_of_path(name) for name in group.names}) > 1 for group in self.identical)

    def summary(self) -> dict[str, Any]:
        """Return all figures as JSON."""
        return cast(dict[str, Any], _printable(self._figures()))

    def _figures(self) -> dict[str, Any]:
        sizes = Counter(picture.size for picture in self.pictures)
        wrong = self.wrong_extensions
        pairs = list(zip(self.names, self.pictures, strict=True))
        return {
            "folder": self.url,
            "images": self.images,
            "looked_at": len(self.names) + len(self.unreadable),
            "labels": self.labelling,
            "unreadable": {"count": len(self.unreadable), "first": _first_items(self.unreadable)},
            "formats": dict(Counter(picture.format for picture in self.pictures).most_common()),
            "modes": dict(Counter(picture.mode for picture in self.pictures).most_common()),
            "sizes": [
                {"width": width, "height": height, "images": count}
                for (width, height), count in sizes.most_common(SHOWN)
            ],
            "different_sizes": len(sizes),
            "animated": sum(picture.frames > 1 for picture in self.pictures),
            "transparent": sum(picture.transparent for picture in self.pictures),
            "plain": _counted([name for name, picture in pairs if picture.plain]),
            "wrong_extensions": _counted([list(pair) for pair in wrong]),
            "texts": describe_texts(list(zip(self.names, self.texts, strict=True))),
            "drawn_case": self.drawn_case,
            "identical": _described(self.identical) | {"across_parts": self.across_parts},
            "near": None if self.near is None else _described(self.near),
            "suspicious": self.suspicions.describe() if self.suspicions else None,
        }


def inspect_labelled(
    images: Dataset | LabelledFolder,
    *,
    most: int | None = None,
    solver: "Solver | None" = None,
    progress: Progress = lambda _: None,
) -> Inspection:
    """Look at labelled images.

    Parameters
    ----------
    most
        Look at so many, evenly spread; None: at all.
    solver
        A network that reads them, to find suspicious labels.

    Raises
    ------
    DatasetError
        When there are none, or none can be read.
    StorageError
        When one cannot be read just now.
    """
    labelling = images.describe() if isinstance(images, LabelledFolder) else {}
    inspection = Inspection(images.folder.url, labelling, len(images))
    drawn_case = DrawnCase()
    for looked_at, (name, text, result) in enumerate(_looks(images, most), start=1):
        if isinstance(result, ImageError):
            inspection.unreadable[name] = str(result)
        else:
            picture, grey = result
            inspection.names.append(name)
            inspection.texts.append(text)
            inspection.pictures.append(picture)
            drawn_case.observe(grey, text)
        progress(looked_at)
    if not inspection.names:
        fault = next(iter(inspection.unreadable.items()), None)
        reason = f", as {fault[0]}: {fault[1]}" if fault else ""
        raise DatasetError(f"{images.folder.url} holds no labelled images that can be read{reason}")
    inspection.drawn_case = drawn_case.verdicts()
    _compare(inspection, images)
    if solver:
        inspection.suspicions = Suspicions(_answers(inspection, images, solver))
    return inspection


def _compare(inspection: Inspection, images: Dataset | LabelledFolder) -> None:
    digests = [picture.digest for picture in inspection.pictures]
    names, texts = inspection.names, inspection.texts
    inspection.identical = duplicates.identical(digests, names, texts)
    if len(names) > duplicates.MOST:
        return

    def small(row: int) -> npt.NDArray[np.int16]:
        (data,) = lookup.read_images(images, [names[row]]).values()
        return thumbnail(Image.fromarray(decode(data)).convert("L"))

    hashes = [picture.hash for picture in inspection.pictures]
    inspection.near = duplicates.nearly_identical(hashes, digests, names, texts, small)


_Look = tuple[Picture, Grey] | ImageError


def _looks(images: Dataset | LabelledFolder, most: int | None) -> Iterator[tuple[str, str, _Look]]:
    """Yield names, labels and what was seen, in order; images are decoded ahead by threads."""
    window: deque[tuple[str, str, Future[_Look]]] = deque()
    with ThreadPoolExecutor(cores(), thread_name_prefix="inspect") as pool:
        for name, text, read in _encoded(images, most):
            window.append((name, text, pool.submit(_look, read)))
            if len(window) > _AHEAD * cores():
                yield _looked(window.popleft())
        yield from map(_looked, window)


def _looked(item: tuple[str, str, "Future[_Look]"]) -> tuple[str, str, _Look]:
    name, text, future = item
    return name, text, future.result()


def _look(read: Callable[[], bytes]) -> _Look:
    try:
        return look_at(read())
    except FileNotFoundError:
        return ImageError("it is gone")
    except ImageError as error:
        return error


def _encoded(
    images: Dataset | LabelledFolder, most: int | None
) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """Yield names, labels, and functions that return the images' bytes."""
    total = len(images)
    step = 1 if most is None else max(1, total / most)
    if isinstance(images, LabelledFolder):
        for number in np.arange(0, total, step).astype(int).tolist():
            name, text = images.labels[number]
            yield name, text, functools.partial(images.read, name)
        return
    for shard in range(images.plan.shards):
        for name, sample in lookup.named_samples(images, shard, 1):
            yield name, sample.text, functools.partial(getattr, sample, "image")
        if most is not None and (shard + 1) * images.plan.per_shard >= most:
            return


def _answers(
    inspection: Inspection, images: Dataset | LabelledFolder, solver: "Solver"
) -> Iterator[tuple[str, str, Any]]:
    encoded = (data for name in inspection.names for data in lookup.read_images(images, [name]).values())
    yield from zip(inspection.names, inspection.texts, solver.stream(encoded), strict=True)


def _described(groups: list[Group]) -> dict[str, Any]:
    return {
        "groups": len(groups),
        "images": sum(len(group.names) for group in groups),
        "different_labels": sum(group.contradicts for group in groups),
        "first": [[list(pair) for pair in zip(*group, strict=True)] for group in groups[:SHOWN]],
    }


def _counted(items: list[Any]) -> dict[str, Any]:
    return {"count": len(items), "first": items[:SHOWN]}


def _printable(value: Any) -> Any:
    """Return a JSON value in which names of files can be printed."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {_printable(name): _printable(item) for name, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


def _first_items(items: dict[str, str]) -> dict[str, str]:
    return dict(list(items.items())[:SHOWN])
