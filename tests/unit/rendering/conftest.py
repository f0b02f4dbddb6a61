"""The oracle: upstream itself, driven by the words that capq draws from."""

from collections.abc import Callable

import captcha.image
import numpy as np
import pytest

from captcha_core.rendering import Images, randomness
from captcha_core.rendering.randomness import Words
from captcha_core.spec import Spec, fonts

Upstream = Callable[[Spec, str, Words], Images]


def configured(spec: Spec) -> captcha.image.ImageCaptcha:
    """Set upstream up as the spec's look says."""
    look = spec.look
    paths = [str(fonts.find(font.name)) for font in look.fonts]
    generator = captcha.image.ImageCaptcha(spec.width, spec.height, paths, look.font_sizes)
    for knob in ("offset_dx", "offset_dy", "rotate", "warp_dx", "warp_dy"):
        setattr(generator, f"character_{knob}", getattr(look, f"character_{knob}"))
    generator.word_space_probability = look.word_space_probability
    generator.word_offset_dx = look.word_offset_dx
    dots = generator.create_noise_dots
    width, number = look.noise_dot_width, look.noise_dots
    generator.create_noise_dots = lambda image, colour: dots(image, colour, width, number)
    if not look.noise_curve:
        generator.create_noise_curve = lambda image, _: image
    return generator


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Upstream:
    def draw(spec: Spec, text: str, words: Words) -> Images:
        monkeypatch.setattr(captcha.image, "secrets", randomness.Draws(words))
        image = configured(spec).generate_image(text, spec.look.background, spec.look.colour)
        return np.asarray(image)

    return draw
