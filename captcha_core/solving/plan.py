"""What a reading is to do, and what a finished table is of: the records that lie beside the table."""

import secrets
import time
from typing import Literal

import pydantic

from ..codecs.options import Decoding
from ..inputs import Source
from ..tables.row import CHARACTERS, COLUMNS, LABEL, REJECTED


def _new_token() -> str:
    return secrets.token_hex(8)


class _Record(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ReadingPlan(_Record):
    """Which images are read, with which network, and into which table.

    Attributes
    ----------
    source
        Where the images are.
    digest
        Digest of the checkpoint.
    decoding
        How the network's outputs become texts.
    characters
        Whether the table has each character's confidence.
    labels
        Where the ground-truth labels are, as `inputs.labels.open_labels` takes it; empty for none.
    batch
        Largest number of images in a batch.
    out
        Path or URL of the table.
    token
        Names this reading: its working folder belongs to it alone.
    started_at
        Seconds since the epoch; an image that changes later is read again next time.
    kept_since
        When the earlier reading started whose rows are kept for images that have not changed
        since; None keeps no rows.
    append_at
        Size in bytes of the table that rows are added to; None writes a whole table.
    """

    version: Literal[4] = 4
    source: Source
    digest: str
    decoding: Decoding = Decoding()
    characters: bool = False
    labels: str = ""
    batch: int
    out: str
    token: str = pydantic.Field(default_factory=_new_token, pattern="^[0-9a-f]{16}$")
    started_at: float = pydantic.Field(default_factory=time.time)
    kept_since: float | None = None
    append_at: int | None = None

    def columns(self, *, rejected: bool) -> tuple[str, ...]:
        """Return the names of the table's columns."""
        optional = {CHARACTERS: self.characters, REJECTED: rejected, LABEL: bool(self.labels)}
        return (*COLUMNS, *(name for name, present in optional.items() if present))

    def for_appending(self, size: int) -> "ReadingPlan":
        """Return the plan of a new reading whose rows are added to a table of `size` bytes."""
        new = {"token": _new_token(), "started_at": time.time(), "append_at": size}
        return self.model_copy(update=new)

    def same_reading(self, other: "ReadingPlan") -> bool:
        """Return whether both read the same images in the same way into the same table."""
        varying = {"batch": 0, "started_at": 0.0, "token": "", "kept_since": None, "append_at": None}
        return self.model_copy(update=varying) == other.model_copy(update=varying)


class ListingEnd(_Record):
    """How many images and batches a reading has, written when all are listed."""

    images: int
    batches: int


class TableOrigin(_Record):
    """What a table is of: the content of the small file beside it.

    Attributes
    ----------
    digest, started_at
        As in `ReadingPlan`; in the file they are ``checkpoint`` and ``begun``.
    token
        The reading that wrote the table with a row from every batch; empty when batches had
        failed, so that the reading can still go on, and in tables of earlier versions.
    """

    version: Literal[1] = 1
    source: Source
    digest: str = pydantic.Field(alias="checkpoint")
    decoding: Decoding = Decoding()
    characters: bool
    started_at: float = pydantic.Field(alias="begun")
    token: str = ""

    @classmethod
    def from_plan(cls, plan: ReadingPlan, *, complete: bool) -> "TableOrigin":
        """Return the origin of the table that a plan's reading writes."""
        return cls(
            source=plan.source,
            digest=plan.digest,
            decoding=plan.decoding,
            characters=plan.characters,
            started_at=plan.started_at,
            token=plan.token if complete else "",
        )

    def difference(self, plan: ReadingPlan) -> str | None:
        """Return in words why a plan's rows would not belong into the same table; None when they do."""
        if not self.source.same_paths(plan.source):
            return f"is of the images of {self.source.root}"
        if self.digest != plan.digest:
            return "was read with another network"
        if self.decoding != plan.decoding:
            return f"was read {self.decoding.description}"
        if self.characters != plan.characters:
            return f"{'has' if self.characters else 'lacks'} the characters' confidences"
        return None
