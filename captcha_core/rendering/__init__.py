"""Images of a spec: the same pixels as the library ``captcha``, many times faster.

>>> renderer = open_renderer(Spec())
>>> images, labels = renderer.batch(seed=1, shard=0, start=0, count=100)
"""

import importlib.util
from typing import Literal

from ..errors import MissingExtraError
from ..spec import Spec
from . import plugins
from .pillow import PillowRenderer
from .renderer import Images, LeptureRenderer, Renderer

__all__ = ["Engine", "Images", "LeptureRenderer", "Renderer", "open_renderer"]

Engine = Literal["auto", "numba", "pillow"]


def open_renderer(spec: Spec, engine: Engine = "auto") -> Renderer:
    """Return a renderer for `spec`.

    Parameters
    ----------
    engine
        ``"numba"`` and ``"pillow"`` give the same pixels; ``"auto"`` takes numba where it
        is installed. A plug-in generator ignores it.

    Raises
    ------
    SpecError
        When the spec's generator is not installed, or a font is missing or another one.
    MissingExtraError
        When numba was asked for and is not installed.
    """
    if spec.generator != plugins.BUILT_IN:
        return plugins.PluginRenderer(spec)
    return PillowRenderer(spec)
