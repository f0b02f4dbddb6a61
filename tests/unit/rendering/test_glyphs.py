import pytest

from captcha_core.errors import SpecError
from captcha_core.rendering import check_glyphs, open_renderer
from captcha_core.rendering.glyphs import Typefaces
from captcha_core.spec import Spec, presets


def test_characters_that_a_font_lacks_are_named_together() -> None:
    with pytest.raises(SpecError, match=r"DroidSansMono\.ttf has no glyph for '验证码'"):
        check_glyphs(Spec.make(charset="A验B证码"))


@pytest.mark.parametrize("engine", ["pillow", "auto"])
def test_no_box_is_drawn_for_them(engine: str) -> None:
    renderer = open_renderer(Spec.make(charset="验证码识"), engine)
    with pytest.raises(SpecError, match="no glyph"):
        renderer.batch(0, 0, 0, 1)


def test_invisible_characters_are_no_glyphs() -> None:
    with pytest.raises(SpecError, match="no glyph"):
        Typefaces(Spec()).check("A ")


@pytest.mark.parametrize("name", sorted(presets().keys() - {"medley"}))
def test_the_presets_can_be_drawn(name: str) -> None:
    check_glyphs(presets()[name])
