"""What a network is to read: the one description that networks, plans and checkpoints share."""

from typing import Literal

import pydantic
from pydantic import Field

from ..errors import SpecError
from ..spec import MAX_LENGTH, Spec, charset


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
    def of(cls, spec: Spec, channels: Literal[1, 3] = 1) -> "Problem":
        """Return the problem that a spec's images pose."""
        size = (spec.width, spec.height)
        return cls(charset=spec.charset, lengths=spec.lengths, size=size, channels=channels)

    @property
    def grey(self) -> bool:
        return self.channels == 1

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
    """

    channels: tuple[
        pydantic.PositiveInt, pydantic.PositiveInt, pydantic.PositiveInt, pydantic.PositiveInt
    ] = (32, 64, 96, 128)
    blocks: int = Field(1, ge=0, le=16)
    context: int = Field(2, ge=0, le=16)
    column: Literal[4, 8] | None = None
    dropout: float = Field(0.0, ge=0, lt=1)


class VggSettings(Settings):
    """Settings of the origin's network: it has its published form only."""

    dropout: float = Field(0.25, ge=0, lt=1)
