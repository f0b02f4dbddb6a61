"""The decoding options of a reading, as they travel with its job."""

from typing import TYPE_CHECKING

import pydantic

if TYPE_CHECKING:
    from .codec import Codec


class Decoding(pydantic.BaseModel):
    """How logits are decoded: the options of `Codec.decode`.

    Attributes
    ----------
    lengths
        Least and greatest length of the texts; None for all lengths that the network reads.
    beam
        Beam width of the search for the most probable text; None decodes greedily.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    lengths: tuple[int, int] | None = None
    beam: pydantic.PositiveInt | None = None

    @classmethod
    def checked(cls, codec: "Codec", *, lengths: tuple[int, int] | None, beam: int | None) -> "Decoding":
        """Return options whose lengths a network's codec allows; None stands for all of its lengths.

        Raises
        ------
        CheckpointError
            When the network does not read texts of these lengths.
        """
        allowed = codec.allowed_lengths(lengths)
        return cls(lengths=None if allowed == codec.lengths else allowed, beam=beam)

    @property
    def options(self) -> str:
        """The same as options of the command line, ``--length 4-5 --beam 8``; empty for the defaults."""
        options = []
        if self.lengths:
            options.append(f"--length {'-'.join(map(str, dict.fromkeys(self.lengths)))}")
        if self.beam:
            options.append(f"--beam {self.beam}")
        return " ".join(options)

    @property
    def description(self) -> str:
        """In words: ``with length 4-5 and beam 8``, or ``without length or beam``."""
        parts = []
        if self.lengths:
            parts.append(f"length {'-'.join(map(str, dict.fromkeys(self.lengths)))}")
        if self.beam:
            parts.append(f"beam {self.beam}")
        return f"with {' and '.join(parts)}" if parts else "without length or beam"
