"""What is to be known of a set of labelled images before a network is trained on it."""

from .inspection import Inspection, inspect_labelled

__all__ = ["Inspection", "inspect_labelled"]
