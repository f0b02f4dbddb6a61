"""Colours of an image, drawn so that ink stands out from the ground under it."""

from ...spec.medley import Medley
from .draws import Draws

Colour = int | tuple[int, int, int]

_WHITE_PAPER = 0.4
_LOUDEST = 2.0
"""Of clutter, in contrasts of the faintest character."""
_PLAIN_GROUND = 120.0
"""Greatest difference within a ground, in grey levels."""


class Palette:
    """What an image is drawn with.

    Attributes
    ----------
    grey
        Whether the image has no colours.
    ground
        Darkest and lightest grey level of the ground.
    contrast
        Between ground and ink, in grey levels: what most characters have.
    """

    def __init__(self, options: Medley, characters: int, draws: Draws) -> None:
        self.grey = not draws.chance(options.colour)
        self._draws = draws
        self._light = draws.chance(options.light_on_dark)
        self._least, most = options.contrast
        unit = draws.unit()
        self.contrast = self._least + (most - self._least) * (1 - unit * unit)
        spread = draws.uniform(0, min(_PLAIN_GROUND, 252 - self.contrast))
        nearest = 255.0 if draws.chance(_WHITE_PAPER) else draws.uniform(self.contrast + spread, 255)
        self._far, self._near = nearest, nearest - spread
        self.one_colour = not draws.chance(options.per_character)
        faint = draws.uniform(0.2, 0.6) if draws.chance(options.faint) else 0.0
        self._inks = self._draw_inks(characters, faint)

    @property
    def ground(self) -> tuple[int, int]:
        low, high = sorted((self._level(self._far), self._level(self._near)))
        return low, high

    @property
    def single(self) -> bool:
        """Whether all characters have one colour."""
        return len(self._inks) == 1

    @property
    def middle(self) -> int:
        """The grey level halfway between ground and ink."""
        return self._level((self._near + max(0.0, self._near - self.contrast)) / 2)

    @property
    def least_contrast(self) -> float:
        """What the faintest character has."""
        return float(min(abs(level - self._level(self._near)) for level in self._inks))

    def inks(self) -> list[Colour]:
        """Return each character's colour; a single one where they share it."""
        return [self.colour(level) for level in self._inks]

    def ink(self) -> Colour:
        """Return a colour in the grey of one of the characters."""
        return self.colour(self._draws.choice(self._inks))

    def any(self, strength: float = 1.0) -> Colour:
        """Return a colour up to `strength` of the way from the ground to the ink, or beyond it."""
        most = min(self.contrast, _LOUDEST * self.least_contrast)
        contrast = most * strength * self._draws.uniform(-0.3, 1)
        return self.colour(self._level(max(0.0, min(255.0, self._near - contrast))))

    def colour(self, level: int) -> Colour:
        """Return a colour of that grey level (BT.601), or the level itself in grey images."""
        if self.grey:
            return level
        whole = self._draws.whole
        red, green, blue = whole(0, 255), whole(0, 255), whole(0, 255)
        grey = (299 * red + 587 * green + 114 * blue) // 1000
        # Only so far from grey that no part leaves 0 … 255.
        up, down = max(red, green, blue) - grey, grey - min(red, green, blue)
        share = min(1.0, (255 - level) / (up or 1), level / (down or 1)) * self._draws.unit()
        return (
            level + int(share * (red - grey)),
            level + int(share * (green - grey)),
            level + int(share * (blue - grey)),
        )

    def _draw_inks(self, characters: int, faint: float) -> list[int]:
        if self.one_colour and not faint:
            return [self._ink_level(self.contrast)]
        draws, levels = self._draws, []
        for _ in range(characters):
            contrast = self.contrast if self.one_colour else draws.uniform(self._least, self._near)
            if faint and draws.chance(faint):
                contrast = self._least + 25 * draws.unit()
            levels.append(self._ink_level(contrast))
        return levels

    def _ink_level(self, contrast: float) -> int:
        return self._level(max(0.0, self._near - contrast))

    def _level(self, dark_on_light: float) -> int:
        """Turn a level of dark text on light ground over where this image is light on dark."""
        level = round(dark_on_light)
        return 255 - level if self._light else level
