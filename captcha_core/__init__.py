"""Text CAPTCHAs as data: specs, rendering, shards, networks, training and reading."""

from .errors import CapqError
from .spec import Spec, presets

__all__ = ["CapqError", "Spec", "presets"]
