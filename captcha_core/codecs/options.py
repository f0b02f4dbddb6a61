"""The decoding options of a reading, as they travel with its job."""

import shlex
from typing import Annotated, Any

import pydantic

from .restrictions import Texts, allowed_lengths, character_groups


class Decoding(pydantic.BaseModel):
    """How logits are decoded.

    In JSON, `charset` and `ignore_case` stand only where they were given: a version that does not
    know them reads whatever does without.

    Attributes
    ----------
    lengths
        Least and greatest length of the texts; None for all lengths that the network reads.
    beam
        Beam width of the search for the most probable text; None decodes greedily.
    charset
        The characters that the texts may have; None for all that the network reads.
    ignore_case
        Whether upper and lower case of a letter are read as one. Texts are spelt as in `charset`,
        and compared with ground-truth labels without regard to case.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    lengths: tuple[int, int] | None = None
    beam: pydantic.PositiveInt | None = None
    charset: Annotated[str, pydantic.Field(min_length=1)] | None = None
    ignore_case: bool = False

    @classmethod
    def checked(
        cls,
        network: Texts,
        *,
        lengths: tuple[int, int] | None,
        beam: int | None,
        charset: str | None = None,
        ignore_case: bool = False,
    ) -> "Decoding":
        """Return options that a network can be decoded with, the same ones for the same results.

        All lengths and all characters that the network reads stand for None, and the characters
        are in the network's order.

        Parameters
        ----------
        network
            The network's problem or codec.

        Raises
        ------
        CheckpointError
            When the network does not read texts of these lengths, or some of these characters.
        """
        allowed = allowed_lengths(network, lengths)
        groups = character_groups(network, charset, ignore_case=ignore_case)
        return cls(
            lengths=None if allowed == network.lengths else allowed,
            beam=beam,
            charset=None
            if groups == character_groups(network, None, ignore_case=ignore_case)
            else "".join(group.spelling for group in groups),
            ignore_case=ignore_case,
        )

    @property
    def values(self) -> dict[str, Any]:
        """The attributes by their names, as `checked` and `Solver` take them."""
        return {name: getattr(self, name) for name in type(self).model_fields}

    @property
    def options(self) -> str:
        """The same as options of the command line, ``--length 4-5 --beam 8``; empty for the defaults."""
        options = []
        if self.lengths:
            options.append(f"--length {self._lengths_text}")
        if self.beam:
            options.append(f"--beam {self.beam}")
        if self.charset:
            options.append(f"--charset {shlex.quote(self.charset)}")
        if self.ignore_case:
            options.append("--ignore-case")
        return " ".join(options)

    @property
    def description(self) -> str:
        """In words: ``with length 4-5, beam 8 and case ignored``, or ``without any decoding option``."""
        parts = []
        if self.lengths:
            parts.append(f"length {self._lengths_text}")
        if self.beam:
            parts.append(f"beam {self.beam}")
        if self.charset:
            parts.append(f"charset {self.charset}")
        if self.ignore_case:
            parts.append("case ignored")
        if not parts:
            return "without any decoding option"
        *others, last = parts
        return f"with {', '.join(others)} and {last}" if others else f"with {last}"

    @property
    def _lengths_text(self) -> str:
        return "-".join(map(str, dict.fromkeys(self.lengths or ())))

    @pydantic.model_serializer(mode="wrap")
    def _without_defaults(self, handler: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        defaults = {"charset": None, "ignore_case": False}
        return {name: value for name, value in values.items() if defaults.get(name, ...) != value}
