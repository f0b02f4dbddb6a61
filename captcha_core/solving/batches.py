"""Images to be read in batches: which they are, and what became of each.

The folder beside the results holds, while the work goes on, ``job.json``, each batch's images
(``000000.images.json``), ``listed.json`` once all are listed, and each batch's rows
(``000000.1f2e3d4c.rows.json``, with the reading's name). A batch is done when its rows are
there, so the work goes on from the files alone. When all is done that folder goes, and a
small file beside the table, ``.results.csv.capq``, tells what the table is of.
"""

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pydantic

from ..errors import DatasetError
from ..inputs import Entry
from ..storage import Folder
from ..tables import Row
from ..tables.formats import TableWriter, extend_table, open_table
from .plan import LISTED, PLAN, BatchPlan, Listed, Origin

_IMAGES = ".images.json"

_FIRST, _USUAL = 128, 1024  # images in the first batch, and in those that follow
_SHARE = 32  # of what is listed so far, for a batch of many images
_LAST_SHARE = 4  # of what is left, for a batch among the last


@dataclass(frozen=True)
class Batches:
    """The files of one reading."""

    folder: Folder
    plan: BatchPlan

    @staticmethod
    def place(out: str) -> str:
        """Return the working folder's path or URL for a results table."""
        return f"{out}.parts"

    @classmethod
    def begin(cls, plan: BatchPlan, *, replace: bool = False) -> "Batches":
        """Start a reading, or take up one that was begun.

        Parameters
        ----------
        replace
            Drop another reading that was begun for the same results, or one that keeps rows.

        Raises
        ------
        DatasetError
            When there is another one, and it is not to be dropped.
        """
        try:
            found = cls.find(plan.out)
        except FileNotFoundError:
            found = None
        if found and found.plan.same_reading(plan) and not (replace and found.plan.kept_since is not None):
            return found
        if found and not replace:
            raise DatasetError(
                f"{found.folder.url} belongs to another reading (other images, network or options): finish "
                "that one, add --overwrite to drop it, or give another --out"
            )
        folder = Folder(cls.place(plan.out))
        folder.remove()
        folder.create()
        folder.write(PLAN, plan.model_dump_json().encode())
        return cls(folder, plan)

    @classmethod
    def find(cls, out: str) -> "Batches":
        """Return a reading that was begun; FileNotFoundError when there is none."""
        folder = Folder(cls.place(out))
        content = folder.read(PLAN)
        try:
            return cls(folder, BatchPlan.model_validate_json(content))
        except pydantic.ValidationError:
            raise DatasetError(
                f"{folder.url}/{PLAN} is damaged or of another version of capq: delete that folder and "
                "start again"
            ) from None

    @property
    def listed(self) -> Listed | None:
        """How much there is; None while it is being listed, or was cut short."""
        try:
            return Listed.model_validate_json(self.folder.read(LISTED))
        except FileNotFoundError:
            return None

    def written(self) -> int:
        """Return how many batches are listed so far: the first of them, without gaps."""
        return len(self.folder.names(_IMAGES))

    def extend(self, entries: Iterable[Entry]) -> Iterator[int]:
        """List the images, batch by batch; yields each batch's number when it can be read.

        A listing that was cut short goes on: what is in the batches already there is passed
        over. At the end the number of images and batches is fixed.
        """
        batch = self.written()
        images, known = self._known(batch)
        fresh = (entry for entry in entries if digest(entry.path) not in known) if known else entries
        for chunk in self._chunks(iter(fresh), images):
            self._write(_images(batch), [entry.as_value() for entry in chunk])
            images += len(chunk)
            yield batch
            batch += 1
        if images:
            self.folder.write(LISTED, Listed(images=images, batches=batch).model_dump_json().encode())

    def entries(self, batch: int) -> list[Entry]:
        """Return a batch's images."""
        return list(map(Entry.of_value, self._read(_images(batch))))

    def done(self, batch: int) -> bool:
        return self.folder.exists(self._rows(batch))

    def write_rows(self, batch: int, rows: list[Row]) -> None:
        """Write a batch's rows, all of them or none."""
        self._write(self._rows(batch), rows)

    def rows(self, batch: int) -> list[Row]:
        return list(map(Row.from_values, self._read(self._rows(batch))))

    def results(self, missing: dict[int, str]) -> Iterator[list[Row]]:
        """Yield each batch's rows in input order, holding one batch.

        Parameters
        ----------
        missing
            Errors of batches that were given up; each of their images gets a row with it.

        Raises
        ------
        DatasetError
            When the listing has not ended.
        """
        listed = self.listed
        if listed is None:
            raise DatasetError(f"{self.folder.url} is not listed to its end: run the same command again")
        for batch in range(listed.batches):
            yield self._lost(batch, missing[batch]) if batch in missing else self.rows(batch)

    def write_table(self, rows: Iterable[list[Row]], *, rejected: bool) -> None:
        """Write the results' table, or add to it, and note beside it what it is of."""
        columns = self.plan.columns(rejected=rejected)
        size = self.plan.append_at
        opened = (
            open_table(self.plan.out, columns) if size is None else extend_table(self.plan.out, size, columns)
        )
        with opened as table:
            _write_all(table, rows)
        origin = Origin(
            source=self.plan.source,
            checkpoint=self.plan.checkpoint,
            decoding=self.plan.decoding,
            characters=self.plan.characters,
            begun=self.plan.begun,
        )
        origin.write(self.plan.out)

    @classmethod
    def remove(cls, out: str) -> None:
        """Delete the working folder, if it is there."""
        Folder(cls.place(out)).remove()

    def _chunks(self, entries: Iterator[Entry], before: int) -> Iterator[list[Entry]]:
        """Cut a listing into batches, with so many images before it.

        Few at first, so that a first result comes soon; more among many, since a batch costs some
        milliseconds; fewer again at the end, so that no worker waits long for another's last one.
        """
        ahead: list[Entry] = []
        while True:
            size = min(self.plan.batch, max(min(_FIRST + before, _USUAL), before // _SHARE))
            grown = before >= _USUAL
            wanted = 2 * size if grown else size  # the first ones wait for no others to be listed
            ahead += itertools.islice(entries, wanted - len(ahead))
            if not ahead:
                return
            if grown and len(ahead) < wanted:
                size = min(size, max(_FIRST, -(-len(ahead) // _LAST_SHARE)))
            chunk, ahead = ahead[:size], ahead[size:]
            yield chunk
            before += len(chunk)

    def _known(self, batches: int) -> tuple[int, set[bytes]]:
        """Return how many images the first batches hold, and their digests."""
        count, known = 0, set[bytes]()
        for batch in range(batches):
            entries = self.entries(batch)
            known.update(digest(entry.path) for entry in entries)
            count += len(entries)
        return count, known

    def _rows(self, batch: int) -> str:
        return f"{batch:06d}.{self.plan.name}.rows.json"

    def _read(self, name: str) -> Any:
        return json.loads(self.folder.read(name))

    def _write(self, name: str, values: list[Any]) -> None:
        # ASCII, since names of files may be no UTF-8.
        self.folder.write(name, json.dumps(values).encode())

    def _lost(self, batch: int, error: str) -> list[Row]:
        return [
            entry.row or Row(path=entry.path, error=f"not read: {error}", label=entry.label)
            for entry in self.entries(batch)
        ]


def digest(path: str) -> bytes:
    """Return 16 bytes that stand for a path: a million of them are 80 MB as a set, whatever its length."""
    return hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _write_all(table: TableWriter, rows: Iterable[list[Row]]) -> None:
    for some in rows:
        table.write(some)


def _images(batch: int) -> str:
    return f"{batch:06d}{_IMAGES}"
