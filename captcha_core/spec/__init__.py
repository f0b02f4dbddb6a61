"""The spec: everything that decides how an image looks, its charset and fonts among it."""

from .spec import MAX_LENGTH, MAX_PIXELS, Font, Look, Spec, load, parse_lengths, presets

__all__ = ["MAX_LENGTH", "MAX_PIXELS", "Font", "Look", "Spec", "load", "parse_lengths", "presets"]
