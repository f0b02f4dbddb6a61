"""A generated dataset: its plan, its shards, and the index that makes it whole."""

import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import pydantic

from ..errors import DatasetError
from ..rendering import Engine, Renderer, encoding, open_renderer, pinned
from ..spec import Spec
from ..storage import Folder
from .layouts import LAYOUTS, STATISTICS, ShardRecord
from .sample import Sample

INDEX = "dataset.json"
MAX_PER_SHARD = 10_000
_CHUNK = 250


class Plan(pydantic.BaseModel):
    """What a dataset is made of. Shard *i* is a pure function of (spec, seed, per_shard, i)."""

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
        return self.shards * self.per_shard


class Index(pydantic.BaseModel):
    """The content of ``dataset.json``; `shards` is empty until every shard is there."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    plan: Plan
    spec_digest: str
    images: int = 0
    bytes: int = 0
    shards: tuple[ShardRecord, ...] = ()

    @property
    def complete(self) -> bool:
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
            When the folder holds none, or one that is not finished.
        """
        dataset = cls.find(url)
        if dataset is None:
            raise DatasetError(f"{url} is no dataset: it has no {INDEX}")
        if not dataset.index.complete:
            raise DatasetError(f"{url} is not finished: run the same `capq generate` again to continue it")
        return dataset

    @classmethod
    def find(cls, url: str) -> "Dataset | None":
        """Return the dataset of a folder, finished or not; None when it holds none."""
        folder = Folder(url)
        try:
            content = folder.read(INDEX)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            return cls(folder, Index.model_validate_json(content))
        except pydantic.ValidationError as error:
            raise DatasetError(f"{url}/{INDEX} is damaged: {error.errors()[0]['msg']}") from None

    @classmethod
    def begin(cls, url: str, plan: Plan) -> "Dataset":
        """Start a dataset, or take up one of the same spec and seed: continued, or made longer.

        Raises
        ------
        DatasetError
            When the folder holds another dataset, or cannot be written.
        """
        existing = cls.find(url)
        if existing is not None:
            _same_recipe(url, existing.index.plan, plan)
            if existing.index.complete and existing.index.plan == plan:
                return existing
        folder = Folder(url)
        folder.create()
        (folder / STATISTICS).create()
        index = Index(plan=plan, spec_digest=plan.spec.digest)
        folder.write(INDEX, index.model_dump_json(indent=2).encode())
        return cls(folder, index)

    @classmethod
    def resume(cls, url: str, plan: Plan) -> "Dataset":
        """Return a dataset that was begun, as a worker on any machine sees it.

        Raises
        ------
        DatasetError
            When this machine sees no such dataset, or another one.
        """
        dataset = cls.find(url)
        if dataset is None:
            raise DatasetError(
                f"this worker sees no dataset at {url}: share that folder with it, or use an object store"
            )
        _same_recipe(url, dataset.plan, plan.model_copy(update={"shards": dataset.plan.shards}))
        return dataset

    @property
    def plan(self) -> Plan:
        return self.index.plan

    @property
    def sha256(self) -> str:
        """The digest of the whole dataset: SHA-256 over its shards' digests, in order."""
        return hashlib.sha256("".join(record.sha256 for record in self.index.shards).encode()).hexdigest()

    def record(self, shard: int) -> ShardRecord | None:
        """Return a finished shard's record; None when its statistics file is not there."""
        try:
            content = (self.folder / STATISTICS).read(_statistics(shard))
        except FileNotFoundError:
            return None
        return ShardRecord.model_validate_json(content)

    def finished(self) -> set[int]:
        """Return the numbers of the shards that need no work."""
        if self.index.complete:
            return set(range(self.plan.shards))
        names = (self.folder / STATISTICS).names(".json")
        return {number for name in names if (number := int(name[6:-5])) < self.plan.shards}

    def write_shard(
        self, shard: int, check: Callable[[], None] = lambda: None, engine: Engine = "auto"
    ) -> ShardRecord:
        """Render and write one shard, its statistics file last; a finished one is left as it is.

        Parameters
        ----------
        check
            Called every few hundred images; may raise to stop.
        engine
            What draws; the bytes are the same.
        """
        done = self.record(shard)
        if done:
            return done
        layout = LAYOUTS[self.plan.layout]
        record = layout.write(self.folder, shard, self._render_shard(shard, check, engine))
        (self.folder / STATISTICS).write(_statistics(shard), record.model_dump_json().encode())
        return record

    def repair_shard(self, shard: int) -> None:
        """Write a shard of a finished dataset again, with the bytes its index names.

        Raises
        ------
        DatasetError
            When this machine renders or encodes other bytes.
        """
        record = LAYOUTS[self.plan.layout].write(self.folder, shard, self._render_shard(shard))
        if record != self.index.shards[shard]:
            raise DatasetError(
                f"shard {shard} comes out otherwise on this machine: install the versions of Pillow, "
                "simplejpeg and fonts that it was made with"
            )

    def finish(self) -> "Dataset":
        """Write the index over all shards, last.

        Raises
        ------
        DatasetError
            When shards are missing.
        """
        if self.index.complete:
            return self
        records = [self.record(shard) for shard in range(self.plan.shards)]
        missing = [str(shard) for shard, record in enumerate(records) if record is None]
        if missing:
            raise DatasetError(f"{self.folder.url} lacks {len(missing)} shards: {', '.join(missing[:10])} …")
        shards = tuple(record for record in records if record)
        LAYOUTS[self.plan.layout].finish(self.folder, shards)
        index = self.index.model_copy(
            update={
                "shards": shards,
                "images": sum(record.images for record in shards),
                "bytes": sum(record.bytes for record in shards),
            }
        )
        self.folder.write(INDEX, index.model_dump_json(indent=2).encode())
        return Dataset(self.folder, index)

    def __len__(self) -> int:
        return self.index.images

    def shard(self, shard: int) -> Iterator[Sample]:
        """Yield the samples of one shard in order."""
        return LAYOUTS[self.plan.layout].read(self.folder, self.index.shards[shard])

    def __iter__(self) -> Iterator[Sample]:
        for shard in range(len(self.index.shards)):
            yield from self.shard(shard)

    def render(self, shard: int, start: int, count: int, engine: Engine = "auto") -> Iterator[Sample]:
        """Yield samples `start` … `start + count - 1` of a shard as the plan gives them, without files."""
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


@functools.lru_cache(maxsize=4)
def _renderer(spec: str, engine: Engine) -> Renderer:
    return open_renderer(Spec.model_validate_json(spec), engine)


def _statistics(shard: int) -> str:
    return f"shard-{shard:06d}.json"


def _same_recipe(url: str, there: Plan, asked: Plan) -> None:
    if there.model_copy(update={"shards": asked.shards}) != asked:
        differing = [
            name
            for name in ("spec", "seed", "per_shard", "layout")
            if getattr(there, name) != getattr(asked, name)
        ]
        raise DatasetError(
            f"{url} holds another dataset (its {', '.join(differing)} differ): "
            "give another --out, or the options it was made with"
        )
    if asked.shards < there.shards:
        raise DatasetError(
            f"{url} already has {there.shards} shards: ask for as many or more, or give another --out"
        )
