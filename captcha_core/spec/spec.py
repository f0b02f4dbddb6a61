"""The spec: everything that decides how an image looks."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import Field

from ..errors import SpecError
from . import charset, fonts
from .medley import Medley

MAX_LENGTH = 32
MAX_PIXELS = 1 << 21
MEDLEY = "medley"

Colour = tuple[int, int, int] | tuple[int, int, int, int]
Byte = Annotated[int, Field(ge=0, le=255)]


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class Font(_Model):
    """A font: its built-in name or its path, and the SHA-256 of the file meant (hex)."""

    name: str
    sha256: str

    @classmethod
    def named(cls, name: str) -> Self:
        """Return the font of that name or path, with the digest of the file that this machine has.

        Raises
        ------
        SpecError
            When there is no such file.
        """
        return cls(name=name, sha256=fonts.sha256(name))

    @pydantic.model_validator(mode="before")
    @classmethod
    def _parse_name(cls, value: object) -> object:
        """Accept a name alone, as people write it, and add the digest of the file on this machine."""
        if not isinstance(value, str):
            return value
        try:
            return {"name": value, "sha256": fonts.sha256(value)}
        except SpecError as error:
            raise ValueError(str(error)) from None


class Look(_Model):
    """The parameters of `captcha.image.ImageCaptcha` (lepture/captcha), under its names, with its defaults.

    Offsets, font sizes and dot widths are in pixels, `character_rotate` in degrees, the warps and
    `word_offset_dx` in shares of a character's size. A pair is a range with both ends included.
    """

    fonts: tuple[Font, ...] = Field(
        default_factory=lambda: (Font.named(fonts.BUILT_IN),), min_length=1, max_length=64
    )
    font_sizes: tuple[Annotated[int, Field(ge=6, le=400)], ...] = Field(
        (42, 50, 56), min_length=1, max_length=32
    )
    character_offset_dx: tuple[Annotated[int, Field(ge=0, le=64)], Annotated[int, Field(ge=0, le=64)]] = (
        0,
        4,
    )
    character_offset_dy: tuple[Annotated[int, Field(ge=0, le=64)], Annotated[int, Field(ge=0, le=64)]] = (
        0,
        6,
    )
    character_rotate: tuple[
        Annotated[float, Field(ge=-180, le=180)], Annotated[float, Field(ge=-180, le=180)]
    ] = (
        -30,
        30,
    )
    character_warp_dx: tuple[Annotated[float, Field(ge=0, le=2)], Annotated[float, Field(ge=0, le=2)]] = (
        0.1,
        0.3,
    )
    character_warp_dy: tuple[Annotated[float, Field(ge=0, le=2)], Annotated[float, Field(ge=0, le=2)]] = (
        0.2,
        0.3,
    )
    word_space_probability: float = Field(0.5, ge=0, le=1)
    word_offset_dx: float = Field(0.25, ge=0, le=1)
    noise_dots: int = Field(30, ge=0, le=100)
    noise_dot_width: int = Field(3, ge=1, le=16)
    noise_curve: bool = True
    background: tuple[Byte, Byte, Byte] | None = Field(None, description="drawn from 238-255 when absent")
    colour: tuple[Byte, Byte, Byte, Byte] | None = Field(None, description="drawn from 10-200 when absent")

    @pydantic.model_validator(mode="after")
    def _check_ranges(self) -> Self:
        for name in ("character_offset_dx", "character_offset_dy", "character_rotate"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} must ascend, not {low} … {high}")
        return self


class Spec(_Model):
    """How images look and which texts they show. Equal specs have equal digests on every machine.

    Attributes
    ----------
    generator
        ``"lepture"``, ``"medley"``, or the name of an installed ``capq.generators`` entry point.
    width, height
        Pixels.
    lengths
        Least and greatest number of characters, both included.
    charset
        The characters, in the order a network numbers them.
    distinct
        Whether the characters of one text are all different.
    image_format, quality
        ``"jpeg"`` at that quality, or ``"png"`` (quality unused).
    look
        Parameters of the built-in generator.
    options
        Parameters of a plug-in generator, passed to it unchanged.
    medley
        The distribution that the generator ``"medley"`` draws looks from; None for other
        generators, and then left out of the JSON.
    """

    generator: str = "lepture"
    width: int = Field(170, ge=16, le=4096)
    height: int = Field(80, ge=16, le=4096)
    lengths: tuple[int, int] = (4, 4)
    charset: str = charset.NAMED["alnum-upper"]
    distinct: bool = False
    image_format: Literal["jpeg", "png"] = "jpeg"
    quality: int = Field(95, ge=1, le=100)
    look: Look = Field(default_factory=Look)
    options: dict[str, Any] = Field(default_factory=dict)
    medley: Medley | None = None

    @pydantic.model_validator(mode="before")
    @classmethod
    def _whole_medley(cls, fields: object) -> object:
        """Give the generator medley its defaults where the spec says nothing more."""
        if isinstance(fields, dict) and fields.get("generator") == MEDLEY and fields.get("medley") is None:
            return fields | {"medley": {}}
        return fields

    @pydantic.model_serializer(mode="wrap")
    def _without_medley(self, serialise: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave `medley` out where there is none: older specs keep their digests."""
        fields: dict[str, Any] = serialise(self)
        if self.medley is None:
            fields.pop("medley", None)
        return fields

    @pydantic.field_validator("charset", mode="before")
    @classmethod
    def _parse_charset(cls, value: object) -> object:
        return charset.parse(value) if isinstance(value, str) else value

    @pydantic.field_validator("lengths", mode="before")
    @classmethod
    def _parse_lengths(cls, value: object) -> object:
        if isinstance(value, int):
            return value, value
        return parse_lengths(value) if isinstance(value, str) else value

    @pydantic.model_validator(mode="after")
    def _check_consistency(self) -> Self:
        low, high = self.lengths
        if not 1 <= low <= high <= MAX_LENGTH:
            raise ValueError(f"lengths must ascend within 1 … {MAX_LENGTH}, not {low} … {high}")
        if self.distinct and high > len(self.charset):
            raise ValueError(
                f"{high} distinct characters need a charset of at least {high}, not {len(self.charset)}"
            )
        if self.width * self.height > MAX_PIXELS:
            raise ValueError(f"{self.width}×{self.height} is over {MAX_PIXELS:,} pixels")
        if self.generator in ("lepture", MEDLEY) and self.options:
            raise ValueError("options are for plug-in generators; the built-in ones have `look` and `medley`")
        if self.generator != MEDLEY and self.medley is not None:
            raise ValueError("`medley` is for the generator of that name")
        return self

    @classmethod
    def make(cls, **fields: Any) -> "Spec":
        """Validate `fields` and return the spec.

        Raises
        ------
        SpecError
            With one readable line naming every field that is wrong.
        """
        try:
            return cls.model_validate(fields)
        except pydantic.ValidationError as error:
            raise SpecError(_error_summary(error)) from None

    def replaced(self, **fields: Any) -> "Spec":
        """Return a copy with some fields changed, validated again."""
        return Spec.make(**(self.model_dump() | fields))

    @property
    def digest(self) -> str:
        """16 hex digits that name this spec: SHA-256 of its canonical JSON."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    @property
    def extension(self) -> str:
        """The images' file extension, without a dot."""
        return "jpg" if self.image_format == "jpeg" else "png"


def parse_lengths(text: str) -> tuple[int, int]:
    """Parse ``"4"`` or ``"4-6"`` to the least and the greatest length.

    Raises
    ------
    SpecError
        When the text is neither.
    """
    low, dash, high = text.partition("-")
    if not low.isdecimal() or (dash and not high.isdecimal()):
        raise SpecError(f"a length is a number or a range such as 4-6, not {text!r}")
    return int(low), int(high or low)


def _error_summary(error: pydantic.ValidationError) -> str:
    """Return pydantic's errors as one line, each with the path of its field."""
    messages = []
    for details in error.errors():
        field = ".".join(str(key) for key in details["loc"])
        message = details["msg"].removeprefix("Value error, ")
        messages.append(f"{field}: {message}" if field else message)
    return "; ".join(messages)


def load(name_or_path: str) -> Spec:
    """Return a preset by its name, or the spec in a JSON file; missing fields take their defaults.

    Raises
    ------
    SpecError
        When there is neither, or the file holds no valid spec.
    """
    if name_or_path in presets():
        return presets()[name_or_path]
    try:
        fields = json.loads(Path(name_or_path).expanduser().read_text(encoding="utf-8"))
    except OSError:
        names = ", ".join(presets())
        raise SpecError(
            f"no spec {name_or_path!r}: give the path of a JSON file, or one of {names}"
        ) from None
    except ValueError as error:
        raise SpecError(f"{name_or_path} is no JSON: {error}") from None
    if not isinstance(fields, dict):
        raise SpecError(f"{name_or_path} must hold a JSON object")
    if isinstance(fields.get("charset"), str):
        charset.parse_given(fields["charset"])
    return Spec.make(**fields)


def presets() -> dict[str, Spec]:
    """Return the specs that capq knows by name."""
    return {
        "default": Spec(),
        "lepture": Spec(width=160, height=60),
        "origin-2017": Spec(distinct=True, image_format="png"),
        "alnum-4-6": Spec.make(lengths=(4, 6), charset="alnum"),
        "medley": Spec.make(generator=MEDLEY, width=192, height=64, lengths=(3, 12), charset="alnum"),
    }
