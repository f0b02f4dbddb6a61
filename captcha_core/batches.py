"""A directory to be read in batches: which images, and what became of each.

The folder beside the results holds, while the work goes on, ``job.json``, a list of paths
for each batch (``inputs-000000.txt``, JSON strings) and its rows (``part-000000.jsonl``).
A batch is done when its part is there, so the work goes on from the files alone.
"""

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import pydantic

from .errors import DatasetError
from .results import Row, open_table
from .storage import Folder

PLAN = "job.json"


class BatchPlan(pydantic.BaseModel):
    """What is read, with what, and where to.

    Attributes
    ----------
    directory
        The images' folder; paths are relative to it.
    checkpoint
        Digest of the network.
    batch
        Images a batch.
    images
        How many there are.
    out
        The results' table.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    directory: str
    recursive: bool
    checkpoint: str
    batch: int
    images: int
    out: str

    @property
    def batches(self) -> int:
        return -(-self.images // self.batch)


@dataclass(frozen=True)
class Batches:
    """The files of one directory's reading."""

    folder: Folder
    plan: BatchPlan

    @staticmethod
    def place(out: str) -> str:
        """Return the working folder's path or URL for a results table."""
        return f"{out}.parts"

    @classmethod
    def begin(
        cls, paths: Iterable[str], *, directory: str, recursive: bool, checkpoint: str, batch: int, out: str
    ) -> "Batches":
        """List the inputs, batch by batch, or take up a reading that was begun.

        Raises
        ------
        DatasetError
            When there are no images, or another reading is under way for the same results.
        """
        folder = Folder(cls.place(out))
        try:
            found = cls.find(out)
        except FileNotFoundError:
            folder.create()
            count = _write_inputs(folder, paths, batch)
            if not count:
                folder.remove()
                raise DatasetError(
                    f"{directory} holds no images" + ("" if recursive else ": look deeper with --recursive")
                ) from None
            plan = BatchPlan(
                directory=directory,
                recursive=recursive,
                checkpoint=checkpoint,
                batch=batch,
                images=count,
                out=out,
            )
            # Last, so that a listing that was cut short starts again.
            folder.write(PLAN, plan.model_dump_json().encode())
            return cls(folder, plan)
        asked = found.plan.model_copy(
            update={"directory": directory, "recursive": recursive, "checkpoint": checkpoint}
        )
        if found.plan != asked:
            raise DatasetError(
                f"{folder.url} belongs to another reading (other folder or network): finish that one, "
                "delete the folder, or give another --out"
            )
        return found

    @classmethod
    def find(cls, out: str) -> "Batches":
        """Return a reading that was begun; FileNotFoundError when there is none."""
        folder = Folder(cls.place(out))
        content = folder.read(PLAN)
        try:
            return cls(folder, BatchPlan.model_validate_json(content))
        except pydantic.ValidationError:
            raise DatasetError(
                f"{folder.url}/{PLAN} is damaged: delete that folder and start again"
            ) from None

    def inputs(self, batch: int) -> list[str]:
        """Return a batch's paths."""
        return [json.loads(line) for line in self.folder.read_lines(_inputs(batch))]

    def done(self, batch: int) -> bool:
        return self.folder.exists(_part(batch))

    def write_part(self, batch: int, rows: Iterable[Row]) -> None:
        """Write a batch's rows, all of them or none."""
        self.folder.write(_part(batch), "".join(f"{row.as_json()}\n" for row in rows).encode())

    def rows(self, batch: int) -> list[Row]:
        return [Row.from_json(line) for line in self.folder.read_lines(_part(batch))]

    def merge(self, missing: dict[int, str]) -> None:
        """Write the results' table: every input in its order.

        Parameters
        ----------
        missing
            Errors of batches that were given up; each of their images gets a row with it.
        """
        with open_table(self.plan.out) as table:
            for batch in range(self.plan.batches):
                table.write(self.rows(batch) if batch not in missing else self._lost(batch, missing[batch]))

    @classmethod
    def remove(cls, out: str) -> None:
        """Delete the working folder, if it is there."""
        Folder(cls.place(out)).remove()

    def _lost(self, batch: int, error: str) -> Iterator[Row]:
        return (Row(path=path, error=f"not read: {error}") for path in self.inputs(batch))


def _write_inputs(folder: Folder, paths: Iterable[str], batch: int) -> int:
    iterator = iter(paths)
    count = 0
    while chunk := list(itertools.islice(iterator, batch)):
        folder.write(_inputs(count // batch), "".join(f"{json.dumps(path)}\n" for path in chunk).encode())
        count += len(chunk)
    return count


def _inputs(batch: int) -> str:
    return f"inputs-{batch:06d}.txt"


def _part(batch: int) -> str:
    return f"part-{batch:06d}.jsonl"
