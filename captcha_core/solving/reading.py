"""A reading: one table of results, and the files from which it is put together.

Beside the table ``results.csv`` lies, while the work goes on, the folder ``results.csv.parts``
with a folder for each reading, named by its token. That holds ``job.json`` (the plan), each
batch's images (``000000.images.json``), ``listed.json`` once all images are listed, and each
batch's rows (``000000.rows.json``). A batch is done when its rows are there, so the work goes
on from the files alone. When the table is written that folder goes, and the small file
``.results.csv.capq`` tells what the table is of.
"""

import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pydantic

from ..errors import ForeignOutputError, InputError, OutputExistsError, StorageError, TableError
from ..inputs import Entry, Source
from ..storage import Folder, check_reachable, parent_and_name
from ..tables import Row
from ..tables.formats import extend_table, open_table, read_table
from . import listing, sizes
from .plan import ListingEnd, ReadingPlan, TableOrigin

PLAN_FILE = "job.json"
LISTING_FILE = "listed.json"
IMAGES_SUFFIX = ".images.json"
ROWS_SUFFIX = ".rows.json"

_TOKEN = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class Reading:
    """The table of one reading, its working folder and the note of what the table is of.

    Attributes
    ----------
    plan
        What is read, with what, and where to. Its token names the working folder, which
        belongs to this reading alone: others neither write into it nor remove it.
    """

    plan: ReadingPlan

    @classmethod
    def start(cls, plan: ReadingPlan, *, overwrite: bool = False) -> "Reading":
        """Start a reading, or go on with an unfinished one that reads the same.

        Parameters
        ----------
        overwrite
            Drop an unfinished reading of something else, or one that keeps rows, and replace a
            table that is there. Otherwise rows of a table of the same images, network and
            options are kept where the images have not changed.

        Raises
        ------
        OutputExistsError
            When the table, or an unfinished reading for it, is of something else or of unknown origin.
        ForeignOutputError
            When what stands at `plan.out` is no table of capq, or the working folder was made by
            another version of capq.
        """
        _check_table(plan.out)
        unfinished = cls.unfinished(plan.out)
        for reading in unfinished:
            keeps_rows = reading.plan.kept_since is not None
            if reading.plan.same_reading(plan) and not (overwrite and keeps_rows):
                return reading
        if unfinished and not overwrite:
            raise OutputExistsError(
                f"{plan.out} has an unfinished reading of other images, or with another network or options"
            )
        kept_since = None if overwrite or plan.append_at is not None else _kept_since(plan)
        for reading in unfinished:
            reading.remove()
        return cls._create(plan.model_copy(update={"kept_since": kept_since}))

    @classmethod
    def at(cls, out: str, token: str) -> "Reading":
        """Return the reading of that token for a table.

        Raises
        ------
        FileNotFoundError
            When it is finished, or was dropped.
        ForeignOutputError
            When its plan is damaged, or of another version of capq.
        """
        folder = _working_folder(out) / token
        content = folder.read(PLAN_FILE)
        try:
            return cls(ReadingPlan.model_validate_json(content))
        except pydantic.ValidationError:
            raise _other_version(folder) from None

    @classmethod
    def unfinished(cls, out: str) -> "list[Reading]":
        """Return the readings for a table that were started and have not ended, the latest first."""
        parent = _working_folder(out)
        if parent.exists(PLAN_FILE):
            raise _other_version(parent)
        origin = cls.origin(out)
        finished = origin.token if origin else ""
        readings = []
        for token in _tokens(parent):
            if token != finished and (parent / token).exists(PLAN_FILE):
                readings.append(cls.at(out, token))
        return sorted(readings, key=lambda reading: reading.plan.started_at, reverse=True)

    @staticmethod
    def origin(out: str) -> TableOrigin | None:
        """Return what a table is of; None when nothing tells."""
        folder, name = parent_and_name(out)
        try:
            return TableOrigin.model_validate_json(folder.read(_origin_name(name)))
        except (FileNotFoundError, NotADirectoryError, pydantic.ValidationError):
            return None

    @classmethod
    def to_continue(
        cls, source: Source, out: str, *, overwrite: bool = False
    ) -> ReadingPlan | TableOrigin | None:
        """Return what `start` would go on with, which tells the network and the decoding; None starts anew.

        Parameters
        ----------
        source
            The images; a table or reading of others tells nothing.
        overwrite
            As for `start`.
        """
        for reading in cls.unfinished(out):
            dropped = overwrite and reading.plan.kept_since is not None
            if reading.plan.source.same_paths(source) and not dropped:
                return reading.plan
        folder, name = parent_and_name(out)
        origin = cls.origin(out) if folder.exists(name) and not overwrite else None
        return origin if origin and origin.source.same_paths(source) else None

    @classmethod
    def _create(cls, plan: ReadingPlan) -> "Reading":
        reading = cls(plan)
        reading.folder.create()
        try:
            reading.folder.write(PLAN_FILE, plan.model_dump_json().encode(), durable=False)
        except StorageError:
            reading.remove()  # without its plan nobody would know whose folder it is
            raise
        return reading

    @property
    def out(self) -> str:
        """Path or URL of the table."""
        return self.plan.out

    @functools.cached_property
    def folder(self) -> Folder:
        """The working folder."""
        return _working_folder(self.out) / self.plan.token

    @property
    def listing_end(self) -> ListingEnd | None:
        """How many images and batches there are; None while they are being listed."""
        try:
            return ListingEnd.model_validate_json(self.folder.read(LISTING_FILE))
        except FileNotFoundError:
            return None

    @property
    def batches_listed(self) -> int:
        """How many batches are listed so far: the first of them, without gaps."""
        return len(self.folder.names(IMAGES_SUFFIX))

    def batches(self, check: Callable[[], None] = lambda: None) -> Iterator[int]:
        """Yield the number of each batch that can be read: those listed, then the rest while they are.

        Parameters
        ----------
        check
            Called before a list is written; an exception it raises ends the listing.
        """
        yield from range(self.batches_listed)
        if self.listing_end is None:
            yield from self.extend(listing.entries(self.plan), check)

    def extend(self, entries: Iterable[Entry], check: Callable[[], None] = lambda: None) -> Iterator[int]:
        """List images, batch by batch; yields each batch's number when it can be read.

        A listing that was interrupted goes on: images in the batches already there are passed
        over. At the end the number of images and batches is fixed. `check` is as for `batches`.
        """
        batch = self.batches_listed
        images, paths = self._listed_paths(batch)
        new = (entry for entry in entries if path_digest(entry.path) not in paths) if paths else entries
        for chunk in sizes.batches(iter(new), largest=self.plan.batch, listed=images):
            check()
            self._write_json(_images_name(batch), [entry.as_value() for entry in chunk])
            images += len(chunk)
            yield batch
            batch += 1
        check()
        if images:
            end = ListingEnd(images=images, batches=batch)
            self.folder.write(LISTING_FILE, end.model_dump_json().encode(), durable=False)

    def entries(self, batch: int) -> list[Entry]:
        """Return a batch's images."""
        return list(map(Entry.from_value, self._read_json(_images_name(batch))))

    def done(self, batch: int) -> bool:
        """Return whether a batch's rows are there."""
        return self.folder.exists(_rows_name(batch))

    def write_rows(self, batch: int, rows: list[Row]) -> None:
        """Write a batch's rows, all of them or none."""
        self._write_json(_rows_name(batch), rows)

    def rows(self, batch: int) -> list[Row]:
        """Return a batch's rows, one for each image, in the images' order."""
        return list(map(Row.from_values, self._read_json(_rows_name(batch))))

    def all_rows(self, failed: dict[int, str]) -> Iterator[list[Row]]:
        """Yield each batch's rows in the images' order, holding one batch.

        Parameters
        ----------
        failed
            Errors of batches that were set aside; each of their images gets a row with it.

        Raises
        ------
        InputError
            When the listing has not ended.
        """
        end = self.listing_end
        if end is None:
            raise InputError(f"the images of {self.plan.source.url} are not listed to their end")
        for batch in range(end.batches):
            yield self._error_rows(batch, failed[batch]) if batch in failed else self.rows(batch)

    def write_table(self, rows: Iterable[list[Row]], *, rejected: bool, complete: bool) -> None:
        """Write the table, or add to it, and note beside it what it is of.

        Parameters
        ----------
        rejected
            Whether the table has the column of that name.
        complete
            Whether no batch has failed, so that this reading has nothing left to do.
        """
        _check_table(self.out)  # again: hours may have gone by
        columns = self.plan.columns(rejected=rejected)
        size = self.plan.append_at
        with (
            open_table(self.out, columns) if size is None else extend_table(self.out, size, columns)
        ) as table:
            for batch in rows:
                table.write(batch)
        folder, name = parent_and_name(self.out)
        origin = TableOrigin.from_plan(self.plan, complete=complete)
        folder.write(_origin_name(name), origin.model_dump_json(by_alias=True).encode())

    def remove(self) -> None:
        """Delete this reading's working folder, if it is there; those of other readings stay."""
        self.folder.remove()
        _working_folder(self.out).remove_if_empty()

    def _listed_paths(self, batches: int) -> tuple[int, set[bytes]]:
        """Return how many images the first batches hold, and the digests of their paths."""
        images, paths = 0, set[bytes]()
        for batch in range(batches):
            entries = self.entries(batch)
            paths.update(path_digest(entry.path) for entry in entries)
            images += len(entries)
        return images, paths

    def _error_rows(self, batch: int, error: str) -> list[Row]:
        return [
            entry.row or Row(path=entry.path, error=f"not read: {error}", label=entry.label)
            for entry in self.entries(batch)
        ]

    def _read_json(self, name: str) -> Any:
        return json.loads(self.folder.read(name))

    def _write_json(self, name: str, values: list[Any]) -> None:
        # ASCII, since file names may not be UTF-8. A batch can be read again, and a wait for the
        # disk would be 2 to 5 % of its time.
        self.folder.write(name, json.dumps(values).encode(), durable=False)


def path_digest(path: str) -> bytes:
    """Return 16 bytes that stand for a path: a set of a million takes 80 MB, however long the paths are."""
    return hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _kept_since(plan: ReadingPlan) -> float | None:
    """Return when the reading started whose table is there already; None when there is no table.

    Raises
    ------
    OutputExistsError
        When that table is of other images, of another network or was read otherwise, or nothing
        tells what it is of.
    """
    folder, name = parent_and_name(plan.out)
    if not folder.exists(name):
        return None
    origin = Reading.origin(plan.out)
    if origin is None:
        raise OutputExistsError(f"{plan.out} exists, and nothing tells what it was read from")
    difference = origin.difference(plan)
    if difference:
        raise OutputExistsError(f"{plan.out} {difference}")
    return origin.started_at


def _check_table(out: str) -> None:
    """Raise ForeignOutputError when something stands at `out`, or in its way, that capq did not make."""
    check_reachable(out)
    folder, name = parent_and_name(out)
    if not folder.exists(name):
        return
    if (folder / name).is_folder():
        raise ForeignOutputError(f"{out} is a folder, not a table")
    if folder.size(name):
        try:
            next(read_table(out), None)
        except TableError:
            raise ForeignOutputError(f"{out} is no table that capq made") from None


def _tokens(parent: Folder) -> list[str]:
    if not parent.exists():
        return []
    return [name for name, is_folder in parent.children() if is_folder and _TOKEN.fullmatch(name)]


def _other_version(folder: Folder) -> ForeignOutputError:
    return ForeignOutputError(
        f"{folder.url} holds an unfinished reading that is damaged or of another version of capq"
    )


def _working_folder(out: str) -> Folder:
    return Folder(f"{out}.parts")


def _origin_name(table: str) -> str:
    return f".{table}.capq"


def _images_name(batch: int) -> str:
    return f"{batch:06d}{IMAGES_SUFFIX}"


def _rows_name(batch: int) -> str:
    return f"{batch:06d}{ROWS_SUFFIX}"
