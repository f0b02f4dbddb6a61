"""The distribution that the generator ``medley`` draws its looks from."""

from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import Field

from . import fonts

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=1000)]

Pixels = Annotated[int, Field(ge=12, le=256)]
Degrees = Annotated[float, Field(ge=-60, le=60)]
Slant = Annotated[float, Field(ge=-1, le=1)]
Stretch = Annotated[float, Field(ge=0.4, le=3)]
Jitter = Annotated[float, Field(ge=0, le=0.6)]
Gap = Annotated[float, Field(ge=-0.35, le=3)]
Levels = Annotated[int, Field(ge=16, le=250)]
Layers = Annotated[int, Field(ge=0, le=4)]
Quality = Annotated[int, Field(ge=10, le=100)]

Mix = Literal["all", "digits", "upper", "lower", "alnum-upper", "alnum-lower"]
Stroke = Literal["plain", "bold", "thin", "outline", "jagged"]
Ground = Literal["flat", "gradient", "cloudy", "textured"]
Clutter = Literal["lines", "arcs", "waves", "grid", "dots", "dashes", "blobs", "letters"]


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class FontFile(_Model):
    """A font by the name of its file, or by its path, and the SHA-256 of the file meant.

    A name without a folder is looked for in the machine's font folders, so that one spec
    serves machines that keep the same fonts in different places.
    """

    name: str
    sha256: str

    @pydantic.model_validator(mode="before")
    @classmethod
    def _by_path(cls, value: object) -> object:
        """Take a path alone, as people write it, and note which file that is here."""
        if not isinstance(value, str):
            return value
        path = Path(value).expanduser()
        if not path.is_file():
            raise ValueError(f"no font at {value}: give the path of a .ttf or .otf file")
        return {"name": value, "sha256": fonts.sha256(value)}


class Medley(_Model):
    """What looks there are, and how often.

    Pairs are the least and the greatest value; shares are probabilities for an image (0
    leaves the thing out, 1 has it always); tables give the weights of alternatives, and an
    alternative that a table leaves out never comes. Each image draws its own look, so most
    ranges are drawn from twice: how far this image goes, then each character within that.

    Attributes
    ----------
    fonts
        The fonts drawn from; None until those of this machine are noted (`rendering.pinned`).
    mixes
        Which part of the charset an image's text is drawn from; empty parts never come.
    heights
        Pixels of the image before it is fitted to the spec's size.
    widest
        Greatest width before fitting, in heights.
    letter_heights
        Height of a capital, in heights of the image.
    one_font
        Share of images with a single font.
    rotate, shear
        Of each character: degrees, and columns a row.
    widths
        Horizontal stretch of the characters.
    size_jitter
        How far sizes differ within an image: 0.3 is 30 % either way.
    spacing
        Between neighbours, in widths of the narrower one; below 0 they overlap.
    strokes
        How letters are drawn.
    shadow, smear
        A displaced copy under the text; several copies along a line.
    colour, per_character
        Images that are not grey; with a colour a character.
    light_on_dark, faint, inverted
        Light text; some characters near the ground's grey; regions with ink and ground swapped.
    contrast
        Between ink and the ground under it, in grey levels.
    grounds, behind, before, clutter
        Backgrounds; how many layers of clutter lie under and over the text; their kinds.
    waves, perspective
        Text bent by sine waves; drawn as on a tilted plane.
    blur, noise, pepper, jpeg, threshold
        What befalls the finished image; `jpeg` at a quality of `jpeg_quality`.
    fit
        ``"stretch"`` fills the spec's size, ``"pad"`` keeps the shape within it.
    """

    fonts: tuple[FontFile, ...] | None = Field(None, min_length=1, max_length=4096)
    mixes: dict[Mix, Weight] = {
        "all": 4, "digits": 2, "upper": 2, "lower": 1.5, "alnum-upper": 2, "alnum-lower": 2.5,
    }  # fmt: skip
    heights: tuple[Pixels, Pixels] = (18, 80)
    widest: float = Field(10, ge=1, le=20)
    letter_heights: tuple[Share, Share] = (0.4, 0.85)
    one_font: Share = 0.85
    rotate: tuple[Degrees, Degrees] = (-35, 35)
    shear: tuple[Slant, Slant] = (-0.35, 0.35)
    widths: tuple[Stretch, Stretch] = (0.75, 1.35)
    size_jitter: tuple[Jitter, Jitter] = (0, 0.4)
    spacing: tuple[Gap, Gap] = (-0.25, 0.7)
    strokes: dict[Stroke, Weight] = {"plain": 6, "bold": 1.5, "thin": 1, "outline": 1.2, "jagged": 1}
    shadow: Share = 0.12
    smear: Share = 0.06
    colour: Share = 0.6
    per_character: Share = 0.35
    light_on_dark: Share = 0.3
    faint: Share = 0.2
    inverted: Share = 0.06
    contrast: tuple[Levels, Levels] = (45, 250)
    grounds: dict[Ground, Weight] = {"flat": 5, "gradient": 2, "cloudy": 1.5, "textured": 1.5}
    behind: tuple[Layers, Layers] = (0, 2)
    before: tuple[Layers, Layers] = (0, 2)
    clutter: dict[Clutter, Weight] = {
        "lines": 3, "arcs": 1.5, "waves": 1.5, "grid": 0.7, "dots": 2, "dashes": 1.2, "blobs": 0.8,
        "letters": 1,
    }  # fmt: skip
    waves: Share = 0.35
    perspective: Share = 0.15
    blur: Share = 0.3
    noise: Share = 0.3
    pepper: Share = 0.1
    jpeg: Share = 0.4
    jpeg_quality: tuple[Quality, Quality] = (35, 95)
    threshold: Share = 0.06
    fit: Literal["stretch", "pad"] = "stretch"

    @pydantic.model_validator(mode="after")
    def _ranges_ascend(self) -> "Medley":
        for name, value in self:
            if name != "fonts" and isinstance(value, tuple) and value[0] > value[1]:
                raise ValueError(f"{name} must ascend, not {value[0]} … {value[1]}")
            if isinstance(value, dict) and not any(value.values()):
                raise ValueError(f"{name} needs a weight above 0")
        return self
