"""What a reading was asked, and what its table is of: records that lie as JSON beside the table."""

import secrets
import time
from typing import Literal

import pydantic

from ..codecs.options import Decoding
from ..inputs import Source
from ..storage import Folder
from ..tables.row import CHARACTERS, COLUMNS, LABEL, REJECTED

PLAN = "job.json"
LISTED = "listed.json"


class _Record(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class BatchPlan(_Record):
    """What is read, with what, and where to.

    Attributes
    ----------
    source
        Where the images are.
    checkpoint
        Digest of the network.
    decoding
        How its outputs become texts.
    characters
        Whether each character's confidence is kept.
    labels
        Where the truth comes from, as `inputs.labels.open_labels` takes it; empty for none.
    batch
        Images a batch at the most; the first ones have fewer.
    out
        The results' table.
    begun
        When, in seconds since the epoch; an image that changed later is read again.
    name
        Tells the rows of this reading from those of one that was dropped, which a worker may
        only just have made.
    kept_since
        When the reading began whose rows are kept where the images are as they were; None
        keeps none.
    append_at
        Size of the table in bytes to which rows are to be added; None makes a whole table.
    """

    version: Literal[3] = 3
    source: Source
    checkpoint: str
    decoding: Decoding = Decoding()
    characters: bool = False
    labels: str = ""
    batch: int
    out: str
    begun: float = pydantic.Field(default_factory=time.time)
    name: str = pydantic.Field(default_factory=lambda: secrets.token_hex(4))
    kept_since: float | None = None
    append_at: int | None = None

    def columns(self, *, rejected: bool) -> tuple[str, ...]:
        """Return the table's columns."""
        more = ((CHARACTERS, self.characters), (REJECTED, rejected), (LABEL, bool(self.labels)))
        return (*COLUMNS, *(name for name, asked in more if asked))

    def same_reading(self, other: "BatchPlan") -> bool:
        """Tell whether both would read the same images in the same way."""
        passing = {"batch": 0, "begun": 0.0, "name": "", "kept_since": None, "append_at": None}
        return self.model_copy(update=passing) == other.model_copy(update=passing)


class Listed(_Record):
    """How many images and batches there are, once that is known."""

    images: int
    batches: int


class Origin(_Record):
    """What a finished table is of: the content of the small file beside it."""

    version: Literal[1] = 1
    source: Source
    checkpoint: str
    decoding: Decoding = Decoding()
    characters: bool
    begun: float

    @classmethod
    def find(cls, out: str) -> "Origin | None":
        """Return what a table is of; None when nothing tells."""
        folder, name = _origin_place(out)
        try:
            return cls.model_validate_json(folder.read(name))
        except (FileNotFoundError, NotADirectoryError, pydantic.ValidationError):
            return None

    def write(self, out: str) -> None:
        folder, name = _origin_place(out)
        folder.write(name, self.model_dump_json().encode())


def _origin_place(out: str) -> tuple[Folder, str]:
    parent, _, name = out.rpartition("/")
    return Folder(parent or "/"), f".{name}.capq"
