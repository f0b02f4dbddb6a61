"""Images of a spec: the same pixels as the library ``captcha``, many times faster.

>>> renderer = open_renderer(Spec())
>>> images, labels = renderer.batch(seed=1, shard=0, start=0, count=100)
"""

import warnings
from typing import Literal

from ..errors import MissingExtraError
from ..spec import Spec
from ..spec.spec import MEDLEY
from . import machine_code, plugins
from .medley.renderer import MedleyRenderer, pinned
from .pillow import PillowRenderer
from .renderer import Images, LeptureRenderer, Renderer

__all__ = [
    "Engine",
    "Images",
    "LeptureRenderer",
    "Renderer",
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
        ``"numba"`` and ``"pillow"`` give the same pixels; ``"auto"`` takes numba where it
        is installed and agrees with this machine's Pillow on a few images, drawn once a
        process; it warns where it does not. Other generators ignore it.

    Raises
    ------
    SpecError
        When the spec's generator is not installed, or a font is missing or another one.
    MissingExtraError
        When numba was asked for and is not installed.
    """
    if spec.generator == MEDLEY:
        return MedleyRenderer(spec, compiled=_compiled(engine))
    if spec.generator != plugins.BUILT_IN:
        return plugins.PluginRenderer(spec)
    return open_lepture(spec, engine)


def open_lepture(spec: Spec, engine: Engine = "auto") -> LeptureRenderer:
    """Return the built-in generator's renderer, which also draws given texts from given words."""
    if not _compiled(engine):
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


def needs_compiling(engine: Engine = "auto") -> bool:
    """Tell whether the first image will take some 15 seconds more, to compile the renderer.

    Machine code is kept on disk, so that is once per machine and version; see
    `machine_code` for where.
    """
    return _compiled(engine) and not machine_code.ready()


def warm(engine: Engine = "auto") -> None:
    """Compile or load the machine code now, so that processes forked later have it."""
    if _compiled(engine):
        open_lepture(Spec(), engine).batch(seed=0, shard=0, start=0, count=1)


def _compiled(engine: Engine) -> bool:
    if engine == "numba" and not machine_code.installed():
        raise MissingExtraError("the numba renderer", "fast")
    return engine != "pillow" and machine_code.installed()
