"""A generated dataset: its plan, its shards, and the index that completes it."""

import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

import pydantic

from ..errors import (
    DatasetError,
    ForeignOutputError,
    OtherDatasetError,
    UnfinishedDatasetError,
    counted,
    first_fault,
)
from ..images.files import EXTENSIONS
from ..rendering import Engine, Renderer, encoding, open_renderer, pinned
from ..spec import Spec
from ..storage import Folder, check_reachable
from . import card
from .labelled import LINES_NAME, TABLE_NAMES
from .layouts import LAYOUTS, STATISTICS_FOLDER, ShardRecord
from .sample import Sample

INDEX = "dataset.json"
MAX_PER_SHARD = 10_000
_CHUNK = 250  # images rendered between two calls of `check`
_FOREIGN_NAMES = {
    STATISTICS_FOLDER,
    LINES_NAME,
    *TABLE_NAMES,
}  # of what a folder without an index must not hold
_FOREIGN_SUFFIXES = {".tar", *EXTENSIONS}


class Plan(pydantic.BaseModel):
    """What a dataset consists of. Shard *i* is a pure function of (spec, seed, per_shard, i).

    Attributes
    ----------
    spec
        How the images look and which texts they show.
    seed
        Seed of all random draws.
    shards, per_shard
        Number of shards, and of images in each.
    layout
        How shards are stored: ``webdataset`` as tar files, ``folder`` as plain images.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    spec: Spec
    seed: int = pydantic.Field(0, ge=0, lt=1 << 63)
    shards: int = pydantic.Field(ge=1, le=1_000_000)
    per_shard: int = pydantic.Field(1000, ge=1, le=MAX_PER_SHARD)
    layout: Literal["webdataset", "folder"] = "webdataset"

    @pydantic.field_validator("spec")
    @classmethod
    def _fonts_named(cls, spec: Spec) -> Spec:
        """Name the fonts drawn from, so that the dataset can be drawn again."""
        return pinned(spec)

    @property
    def images(self) -> int:
        """Number of images of all shards together."""
        return self.shards * self.per_shard


class Index(pydantic.BaseModel):
    """The content of ``dataset.json``.

    Attributes
    ----------
    spec_digest
        Digest of the plan's spec.
    images, bytes
        Sums over the shards; 0 until the dataset is complete.
    shards
        A record for each shard; empty until the dataset is complete.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    plan: Plan
    spec_digest: str
    images: int = 0
    bytes: int = 0
    shards: tuple[ShardRecord, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all shards of the plan are written."""
        return len(self.shards) == self.plan.shards


@dataclass(frozen=True)
class Dataset:
    """A dataset folder and its index."""

    folder: Folder
    index: Index

    @classmethod
    def open(cls, url: str) -> "Dataset":
        """Open a finished dataset.

        Raises
        ------
        DatasetError
            When the folder holds none.
        UnfinishedDatasetError
            When it holds one that is not finished.
        """
        dataset = cls.find(url)
        if dataset is None:
            raise DatasetError(f"{url} is no dataset: it has no {INDEX}")
        if not dataset.index.complete:
            raise UnfinishedDatasetError(f"{url} is not finished")
        return dataset

    @classmethod
    def find(cls, url: str) -> "Dataset | None":
        """Return the dataset in a folder, finished or not; None if the folder holds none."""
        folder = Folder(url)
        try:
            content = folder.read(INDEX)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            return cls(folder, Index.model_validate_json(content))
        except pydantic.ValidationError as error:
            raise DatasetError(
                f"{url}/{INDEX} is damaged or from another version of capq ({first_fault(error)})"
            ) from None

    @classmethod
    def begin(cls, url: str, plan: Plan) -> "Dataset":
        """Create a dataset, or continue one of the same spec and seed, possibly with more shards.

        Raises
        ------
        OtherDatasetError
            When the folder holds another dataset.
        ForeignOutputError
            When it holds no dataset, but files that would be written over or taken for its own, or is
            no folder.
        StorageError
            When the folder cannot be written.
        """
        check_reachable(f"{url}/{INDEX}")
        existing = cls.find(url)
        folder = Folder(url)
        if existing is not None:
            _check_same_recipe(url, existing.index.plan, plan)
            if existing.index.complete and existing.index.plan == plan:
                return existing
        else:
            _check_free(folder)
        folder.create()
        index = Index(plan=plan, spec_digest=plan.spec.digest)
        # First, for the folder of statistics alone would be taken for somebody else's when the disk is full.
        folder.write(INDEX, index.model_dump_json(indent=2).encode())
        (folder / STATISTICS_FOLDER).create()
        return cls(folder, index)

    @classmethod
    def resume(cls, url: str, plan: Plan) -> "Dataset":
        """Open an unfinished dataset to write shards of it, on any machine.

        Raises
        ------
        DatasetError
            When this machine sees no such dataset, or another one.
        """
        dataset = cls.find(url)
        if dataset is None:
            raise DatasetError(
                f"this machine has no dataset at {url}: all that work on one need a shared folder or store"
            )
        _check_same_recipe(url, dataset.plan, plan.model_copy(update={"shards": dataset.plan.shards}))
        return dataset

    @property
    def plan(self) -> Plan:
        return self.index.plan

    @property
    def sha256(self) -> str:
        """The digest of the whole dataset: SHA-256 over its shards' digests, in order."""
        return hashlib.sha256("".join(record.sha256 for record in self.index.shards).encode()).hexdigest()

    def record(self, shard: int) -> ShardRecord | None:
        """Return the record of a finished shard; None if its statistics file does not exist yet."""
        try:
            content = (self.folder / STATISTICS_FOLDER).read(_record_name(shard))
        except FileNotFoundError:
            return None
        return ShardRecord.model_validate_json(content)

    def finished(self) -> set[int]:
        """Return the indices of the finished shards."""
        if self.index.complete:
            return set(range(self.plan.shards))
        names = (self.folder / STATISTICS_FOLDER).names(".json")
        shards = (int(name.removeprefix("shard-").removesuffix(".json")) for name in names)
        return {shard for shard in shards if shard < self.plan.shards}

    def write_shard(
        self, shard: int, check: Callable[[], None] = lambda: None, engine: Engine = "auto"
    ) -> ShardRecord:
        """Render and write one shard, its statistics file last; a finished shard is left unchanged.

        Parameters
        ----------
        check
            Called every 250 images and before each file is complete; it may raise to stop the shard.
        engine
            The rendering engine; all engines give the same bytes.
        """
        existing_record = self.record(shard)
        if existing_record:
            return existing_record
        layout = LAYOUTS[self.plan.layout]
        record = layout.write(self.folder, shard, self._render_shard(shard, check, engine))
        content = record.model_dump_json().encode()
        check()
        (self.folder / STATISTICS_FOLDER).write(_record_name(shard), content, durable=False)
        return record

    def repair_shard(self, shard: int) -> None:
        """Render and write a shard of a finished dataset again, as its index records it.

        Raises
        ------
        DatasetError
            When the bytes rendered on this machine differ from the recorded ones.
        """
        record = LAYOUTS[self.plan.layout].write(self.folder, shard, self._render_shard(shard))
        if record != self.index.shards[shard]:
            raise DatasetError(
                f"shard {shard} comes out otherwise here than where it was made: "
                "the versions of Pillow, simplejpeg or fonts differ"
            )

    def finish(self) -> "Dataset":
        """Write the dataset card, and the index over all shards, which completes the dataset.

        Raises
        ------
        UnfinishedDatasetError
            When shards are missing.
        """
        if self.index.complete:
            return self
        records = [self.record(shard) for shard in range(self.plan.shards)]
        missing = [str(shard) for shard, record in enumerate(records) if record is None]
        if missing:
            raise UnfinishedDatasetError(
                f"{self.folder.url} lacks {counted(len(missing), 'shard')}: {', '.join(missing[:10])} …"
            )
        shards = tuple(record for record in records if record)
        LAYOUTS[self.plan.layout].finish(self.folder, shards)
        index = self.index.model_copy(
            update={
                "shards": shards,
                "images": sum(record.images for record in shards),
                "bytes": sum(record.bytes for record in shards),
            }
        )
        finished = Dataset(self.folder, index)
        finished._write_card()
        self.folder.write(INDEX, index.model_dump_json(indent=2).encode())
        return finished

    def _write_card(self) -> None:
        """Write the dataset card, unless there is a README.md that is not one of capq's."""
        if not self.folder.exists(card.NAME) or self.has_card():
            self.folder.write(card.NAME, card.dataset_card(self))

    def has_card(self) -> bool:
        """Tell whether the folder's README.md is a dataset card as capq wrote it."""
        return self.folder.exists(card.NAME) and card.is_card(self.folder.read(card.NAME))

    def __len__(self) -> int:
        return self.index.images

    def shard(self, shard: int) -> Iterator[Sample]:
        """Yield the samples of one shard in order."""
        return LAYOUTS[self.plan.layout].read(self.folder, self.index.shards[shard])

    def __iter__(self) -> Iterator[Sample]:
        for shard in range(len(self.index.shards)):
            yield from self.shard(shard)

    def render(self, shard: int, start: int, count: int, engine: Engine = "auto") -> Iterator[Sample]:
        """Render samples `start` … `start + count - 1` of a shard from the plan, without its files."""
        plan = self.plan
        images, texts = _renderer(plan.spec.model_dump_json(), engine).batch(plan.seed, shard, start, count)
        for number, (image, text) in enumerate(
            zip(images, texts, strict=True), start=shard * plan.per_shard + start
        ):
            yield Sample(
                key=f"{number:09d}",
                image=encoding.encode(image, plan.spec),
                extension=plan.spec.extension,
                text=text,
            )

    def _render_shard(
        self, shard: int, check: Callable[[], None] = lambda: None, engine: Engine = "auto"
    ) -> Iterator[Sample]:
        for start in range(0, self.plan.per_shard, _CHUNK):
            check()
            yield from self.render(shard, start, min(_CHUNK, self.plan.per_shard - start), engine)
        check()


@functools.lru_cache(maxsize=4)
def _renderer(spec: str, engine: Engine) -> Renderer:
    return open_renderer(Spec.model_validate_json(spec), engine)


def _record_name(shard: int) -> str:
    """Return the name of a shard's statistics file."""
    return f"shard-{shard:06d}.json"


def _check_free(folder: Folder) -> None:
    """Check that a folder without an index has nothing that a dataset would write over, mix with or hide."""
    names = folder.names() if folder.is_folder() else ()
    foreign = next((name for name in names if _is_foreign(name)), None)
    if foreign:
        raise ForeignOutputError(f"{folder.url} holds no dataset of capq, but files such as {foreign}")


def _is_foreign(name: str) -> bool:
    return name in _FOREIGN_NAMES or PurePosixPath(name).suffix.lower() in _FOREIGN_SUFFIXES


def _check_same_recipe(url: str, existing: Plan, requested: Plan) -> None:
    """Raise DatasetError unless the requested plan equals the existing one or only adds shards."""
    if existing.model_copy(update={"shards": requested.shards}) != requested:
        differing = [
            name
            for name in ("spec", "seed", "per_shard", "layout")
            if getattr(existing, name) != getattr(requested, name)
        ]
        raise OtherDatasetError(f"{url} holds another dataset (its {', '.join(differing)} differ)")
    if requested.shards < existing.shards:
        raise OtherDatasetError(
            f"{url} already has {counted(existing.shards, 'shard')}, not {requested.shards}"
        )
