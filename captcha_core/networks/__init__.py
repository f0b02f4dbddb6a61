"""Network architectures by name. To add one, write its module and add an entry to `ARCHITECTURES`.

A network is a `torch.nn.Module` whose constructor takes (problem, settings, classes) and
whose ``forward`` maps float images (N, channels, H, W) to logits (N, T, classes). Its
classifying layers live under the attribute ``head``, so that `training.initial` can tell
them from the trunk. What the logits mean, and the loss, is the codec's task.

Importing this package imports neither PyTorch nor numpy; building a network or a codec does.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pydantic

from ..errors import TrainingError
from .problem import Problem, Settings, TrunkSettings, VggSettings

if TYPE_CHECKING:
    from torch import nn

    from ..codecs.codec import Codec

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "Problem",
    "Settings",
    "build",
    "checked_settings",
    "codec",
    "find",
]

DEFAULT = "ctc"


@dataclass(frozen=True)
class Architecture:
    """A kind of network: its class, the type of its settings and its codec.

    Classes are named rather than imported, so that listing networks imports no PyTorch.

    Attributes
    ----------
    module, type_name
        Module in `networks` and class of the network.
    settings
        Type of its settings.
    codec_module, codec_type
        Module in `codecs` and class of the codec.
    summary
        One line for the command line's list.
    smallest
        Least width and height of the images that it can be built for.
    """

    module: str
    type_name: str
    settings: type[Settings]
    codec_module: str
    codec_type: str
    summary: str
    smallest: int = 8


ARCHITECTURES: dict[str, Architecture] = {
    "ctc": Architecture(
        module="ctc",
        type_name="CtcNetwork",
        settings=TrunkSettings,
        codec_module="ctc",
        codec_type="CtcCodec",
        summary="patch stem, CTC over columns; any length",
    ),
    "heads": Architecture(
        module="heads",
        type_name="HeadsNetwork",
        settings=TrunkSettings,
        codec_module="positions",
        codec_type="PositionCodec",
        summary="patch stem, one head a position",
    ),
    "vgg": Architecture(
        module="vgg",
        type_name="VggNetwork",
        settings=VggSettings,
        codec_module="positions",
        codec_type="PositionCodec",
        summary="the origin's network, colour",
        smallest=76,
    ),
}


def find(name: str) -> Architecture:
    """Return an architecture by name.

    Raises
    ------
    TrainingError
        When there is none.
    """
    try:
        return ARCHITECTURES[name]
    except KeyError:
        raise TrainingError(f"unknown network {name!r}: use one of {', '.join(ARCHITECTURES)}") from None


def checked_settings(name: str, values: Mapping[str, Any]) -> Settings:
    """Validate the settings of a network and fill in its defaults.

    Raises
    ------
    TrainingError
        When the network or a setting is unknown or out of range.
    """
    architecture = find(name)
    try:
        return architecture.settings.model_validate(dict(values))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"])
        known_settings = ", ".join(architecture.settings.model_fields)
        raise TrainingError(
            f"setting {field!r} of network {name}: {first['msg']} (it has {known_settings})"
        ) from None


def codec(name: str, problem: Problem, temperature: float = 1.0) -> "Codec":
    """Return the codec of a network; `temperature` scales the logits for its confidences."""
    architecture = find(name)
    module = importlib.import_module(f"..codecs.{architecture.codec_module}", __name__)
    codec_type: type[Codec] = getattr(module, architecture.codec_type)
    return codec_type(problem.charset, problem.lengths, temperature)


def build(name: str, problem: Problem, values: Mapping[str, Any] | None = None) -> "nn.Module":
    """Return a new network with random weights from PyTorch's global generator.

    Parameters
    ----------
    values
        Settings of the network; missing ones take their defaults.

    Raises
    ------
    TrainingError
        When the name or a setting is unknown, or the images are too small or too narrow for
        the texts.
    """
    architecture = find(name)
    settings = checked_settings(name, values or {})
    module = importlib.import_module(f".{architecture.module}", __name__)
    network: nn.Module = getattr(module, architecture.type_name)(
        problem, settings, codec(name, problem).classes
    )
    return network
