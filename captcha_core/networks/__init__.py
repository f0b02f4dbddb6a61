"""Networks by name. To add one, write its module and add its line to `ARCHITECTURES`.

A network is a `torch.nn.Module` whose constructor takes (problem, settings, classes) and
whose ``forward`` maps float images (N, channels, H, W) to logits (N, T, classes). Its
classifying layers live under the attribute ``head``, so that `training.initial` can tell
them from the trunk. What the logits mean, and their loss, belongs to its codec.

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

__all__ = ["ARCHITECTURES", "Architecture", "Problem", "Settings", "build", "codec", "find", "settings"]

DEFAULT = "ctc"


@dataclass(frozen=True)
class Architecture:
    """A kind of network: where its class is, what settings and codec go with it."""

    module: str
    type_name: str
    settings: type[Settings]
    codec_module: str
    codec_type: str
    summary: str


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


def settings(name: str, values: Mapping[str, Any]) -> Settings:
    """Check settings for a network and fill in its defaults.

    Raises
    ------
    TrainingError
        When the network or a setting is unknown or out of range.
    """
    kind = find(name)
    try:
        return kind.settings.model_validate(dict(values))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        known = ", ".join(kind.settings.model_fields)
        raise TrainingError(f"setting {where!r} of network {name}: {first['msg']} (it has {known})") from None


def codec(name: str, problem: Problem, temperature: float = 1.0) -> "Codec":
    """Return the codec that goes with a network, and with the temperature of its confidences."""
    found = find(name)
    module = importlib.import_module(f"..codecs.{found.codec_module}", __name__)
    kind: type[Codec] = getattr(module, found.codec_type)
    return kind(problem.charset, problem.lengths, temperature)


def build(name: str, problem: Problem, values: Mapping[str, Any] | None = None) -> "nn.Module":
    """Return a fresh network with random weights from PyTorch's global generator.

    Raises
    ------
    TrainingError
        When the name or a setting is unknown, or the images are too small or too narrow for
        the texts.
    """
    kind = find(name)
    checked = settings(name, values or {})
    module = importlib.import_module(f".{kind.module}", __name__)
    network: nn.Module = getattr(module, kind.type_name)(problem, checked, codec(name, problem).classes)
    return network
