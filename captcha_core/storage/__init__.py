"""Where files lie: folders on any store, and files and folders that appear whole or not at all."""

from .folder import Folder

__all__ = ["Folder"]
