"""What was asked of decoding, as it travels with a reading."""

from typing import TYPE_CHECKING

import pydantic

if TYPE_CHECKING:
    from .codec import Codec


class Decoding(pydantic.BaseModel):
    """How a network's outputs become texts: what `Codec.decode` takes beside them.

    Attributes
    ----------
    lengths
        Least and greatest length of the texts; None for all that the network reads.
    beam
        Beams to search with for the most probable text; None searches none.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    lengths: tuple[int, int] | None = None
    beam: pydantic.PositiveInt | None = None

    @classmethod
    def of(cls, codec: "Codec", *, lengths: tuple[int, int] | None, beam: int | None) -> "Decoding":
        """Check lengths against a network's; all of its lengths are the same as none named.

        Raises
        ------
        CheckpointError
            When the network does not read texts of these lengths.
        """
        narrowed = codec.narrowed(lengths)
        return cls(lengths=None if narrowed == codec.lengths else narrowed, beam=beam)

    @property
    def options(self) -> str:
        """The options that ask for it: ``--length 4-5 --beam 8``; empty where nothing was asked."""
        parts = []
        if self.lengths:
            parts.append(f"--length {'-'.join(map(str, dict.fromkeys(self.lengths)))}")
        if self.beam:
            parts.append(f"--beam {self.beam}")
        return " ".join(parts)

    @property
    def description(self) -> str:
        """In words: ``with length 4-5 and beam 8``, or ``without length or beam``."""
        parts = []
        if self.lengths:
            parts.append(f"length {'-'.join(map(str, dict.fromkeys(self.lengths)))}")
        if self.beam:
            parts.append(f"beam {self.beam}")
        return f"with {' and '.join(parts)}" if parts else "without length or beam"
