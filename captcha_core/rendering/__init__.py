"""Rendering of a spec's images: the pixels of the library ``captcha``, many times faster.

Examples
--------
>>> renderer = open_renderer(Spec())
>>> images, labels = renderer.batch(seed=1, shard=0, start=0, count=100)
"""

import warnings
from typing import Literal

from ..errors import MissingExtraError, SpecError
from ..spec import Spec
from ..spec.spec import MEDLEY
from . import machine_code, plugins
from .glyphs import Typefaces
from .medley import font_check, font_files
from .medley.renderer import MedleyRenderer, pinned
from .pillow import PillowRenderer
from .renderer import Images, LeptureRenderer, Renderer

__all__ = [
    "Engine",
    "Images",
    "LeptureRenderer",
    "Renderer",
    "check_glyphs",
    "needs_compiling",
    "open_lepture",
    "open_renderer",
    "pinned",
    "warm",
]

Engine = Literal["auto", "numba", "pillow"]


def open_renderer(spec: Spec, engine: Engine = "auto") -> Renderer:
    """Return a renderer for `spec`.

    Parameters
    ----------
    engine
        ``"numba"`` and ``"pillow"`` give the same pixels; ``"auto"`` takes numba if it is
        installed and draws the same as this machine's Pillow on a few test images (checked once a
        process; it warns if not). Plug-in generators ignore it.

    Raises
    ------
    SpecError
        When the spec's generator is not installed, or a font is missing or not the one of the spec.
    MissingExtraError
        When ``"numba"`` is requested and not installed.
    """
    if spec.generator == MEDLEY:
        return MedleyRenderer(spec, compiled=_uses_numba(engine))
    if spec.generator != plugins.BUILT_IN:
        return plugins.PluginRenderer(spec)
    return open_lepture(spec, engine)


def open_lepture(spec: Spec, engine: Engine = "auto") -> LeptureRenderer:
    """Return a renderer of the built-in generator, which also draws given texts from given random words.

    Raises
    ------
    SpecError, MissingExtraError
        As for `open_renderer`.
    """
    if not _uses_numba(engine):
        return PillowRenderer(spec)
    from .numba_engine import NumbaRenderer, agrees

    if engine == "auto" and not agrees():
        warnings.warn(
            "this Pillow's arithmetic is not the compiled renderer's: drawing with Pillow, which is slower",
            RuntimeWarning,
            stacklevel=2,
        )
        return PillowRenderer(spec)
    return NumbaRenderer(spec)


def check_glyphs(spec: Spec) -> None:
    """Check that the spec's fonts have a glyph for every character; of plug-ins nothing is known.

    Raises
    ------
    SpecError
        When a font lacks a character, of which it would draw a box.
    """
    if spec.generator == plugins.BUILT_IN:
        Typefaces(spec).check(spec.charset)
    for font in (spec.medley and spec.medley.fonts) or ():
        if not font_check.draws_all(font_files.find(font), spec.charset):
            raise SpecError(f"the font {font.name} lacks characters of the charset: choose another")


def needs_compiling(engine: Engine = "auto") -> bool:
    """Return whether the first image will take some 15 seconds longer, to compile the renderer.

    The machine code is cached on disk (see `machine_code`), so that happens once for each machine
    and version.
    """
    return _uses_numba(engine) and not machine_code.is_compiled()


def warm(engine: Engine = "auto") -> None:
    """Compile or load the machine code now, so that processes forked later share it."""
    if _uses_numba(engine):
        open_lepture(Spec(), engine).batch(seed=0, shard=0, start=0, count=1)


def _uses_numba(engine: Engine) -> bool:
    if engine == "numba" and not machine_code.installed():
        raise MissingExtraError("the numba renderer", "render")
    return engine != "pillow" and machine_code.installed()
