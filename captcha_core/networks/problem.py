"""What a network is to read: the one description that networks, plans and checkpoints share."""

from collections.abc import Iterable
from typing import Literal

import pydantic
from pydantic import Field

from ..codecs.restrictions import missing_characters
from ..errors import LabelError, SpecError, counted
from ..spec import MAX_LENGTH, Spec, charset

_SHOWN = 10  # labels at fault


class Problem(pydantic.BaseModel):
    """Images of one size, and the texts on them.

    Attributes
    ----------
    charset
        The characters, in the order the network numbers them; a named set is spelt out.
    lengths
        Least and greatest number of characters, both included.
    size
        Width and height in pixels, as the network sees the image.
    channels
        1 for grey, 3 for red, green and blue.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    charset: str
    lengths: tuple[int, int]
    size: tuple[int, int]
    channels: Literal[1, 3] = 1

    @classmethod
    def from_spec(cls, spec: Spec, channels: Literal[1, 3] = 1) -> "Problem":
        """Return the problem that a spec's images pose."""
        size = (spec.width, spec.height)
        return cls(charset=spec.charset, lengths=spec.lengths, size=size, channels=channels)

    @property
    def grey(self) -> bool:
        return self.channels == 1

    def check_labels(self, labels: Iterable[str]) -> None:
        """Check that a network can learn every label.

        Raises
        ------
        LabelError
            With the count of labels that do not fit, and the first ten of them.
        """
        characters = set(self.charset)
        faults = [(label, fault) for label in labels if (fault := self._fault(label, characters))]
        if faults:
            shown = ", ".join(f"{label!r} ({fault})" for label, fault in faults[:_SHOWN])
            more = ", …" if len(faults) > _SHOWN else ""
            verb = "does" if len(faults) == 1 else "do"
            raise LabelError(f"{counted(len(faults), 'label')} {verb} not fit the network: {shown}{more}")

    def check_covers(self, characters: str, lengths: tuple[int, int]) -> None:
        """Check that a network can learn every text of the given characters and lengths.

        Raises
        ------
        LabelError
            When it cannot.
        """
        unknown = missing_characters(characters, self.charset, ignore_case=False)
        if unknown:
            raise LabelError(f"the images hold {unknown!r}, which the network does not read")
        low, high = self.lengths
        if lengths[0] < low or lengths[1] > high:
            raise LabelError(
                f"the images have {lengths[0]} to {lengths[1]} characters, "
                f"and the network reads {low} to {high}"
            )

    def misfits(self, other: "Problem", *, ignore_case: bool = False) -> list[str]:
        """Say why a network for this problem cannot read the images of another; nothing where it can.

        Parameters
        ----------
        ignore_case
            Whether it is enough to read a letter in either case.

        Returns
        -------
        A clause for each reason, such as ``its images are 160×60, not 170×80``.
        """
        reasons = []
        if other.size != self.size:
            reasons.append(
                f"its images are {other.size[0]}×{other.size[1]}, not {self.size[0]}×{self.size[1]}"
            )
        if missing_characters(other.charset, self.charset, ignore_case=ignore_case):
            reasons.append(f"it has characters beyond {self.charset}")
        if other.lengths[0] < self.lengths[0] or other.lengths[1] > self.lengths[1]:
            reasons.append(f"its texts are {'-'.join(map(str, other.lengths))} characters long")
        return reasons

    def _fault(self, label: str, characters: set[str]) -> str:
        low, high = self.lengths
        unknown = sorted(set(label) - characters)
        if unknown:
            return f"{''.join(unknown)!r} unknown"
        if not low <= len(label) <= high:
            return f"length {len(label)}, not {low if low == high else f'{low} to {high}'}"
        return ""

    @pydantic.field_validator("charset")
    @classmethod
    def _known_charset(cls, value: str) -> str:
        try:
            return charset.parse(value)
        except SpecError as error:
            raise ValueError(str(error)) from None

    @pydantic.model_validator(mode="after")
    def _sound(self) -> "Problem":
        low, high = self.lengths
        if not 1 <= low <= high <= MAX_LENGTH:
            raise ValueError(f"lengths must ascend within 1 … {MAX_LENGTH}, not {low} … {high}")
        if min(self.size) < 1:
            raise ValueError(f"an image is at least 1×1, not {self.size[0]}×{self.size[1]}")
        return self


class Settings(pydantic.BaseModel):
    """Base of the settings that a network takes beside its problem."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class TrunkSettings(Settings):
    """Settings of the networks on the patch-stem trunk.

    Attributes
    ----------
    channels
        Width of the four stages.
    blocks
        Residual 3×3 blocks in the second stage.
    context
        Residual 1×5 blocks over the columns.
    column
        Pixels of width one column of features stands for; chosen when absent: 8 where that
        gives enough columns for the longest text, else 4.
    dropout
        Share of features dropped before the head while training.
    standardise
        Whether each image is brought to mean 0 and deviation 1 first, so that neither its
        brightness nor its contrast matter: for networks that read many looks.
    """

    channels: tuple[
        pydantic.PositiveInt, pydantic.PositiveInt, pydantic.PositiveInt, pydantic.PositiveInt
    ] = (32, 64, 96, 128)
    blocks: int = Field(1, ge=0, le=16)
    context: int = Field(2, ge=0, le=16)
    column: Literal[4, 8] | None = None
    dropout: float = Field(0.0, ge=0, lt=1)
    standardise: bool = False


class VggSettings(Settings):
    """Settings of the origin's network: it has its published form only."""

    dropout: float = Field(0.25, ge=0, lt=1)
