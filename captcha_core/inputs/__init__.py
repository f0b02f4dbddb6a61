"""Images to be read: folders, archives, shards, lists and stores, listed in a stable order."""

from .entry import Entry, Item
from .folders import list_images
from .source import Inputs, Source, find_source

__all__ = ["Entry", "Inputs", "Item", "Source", "find_source", "list_images"]
