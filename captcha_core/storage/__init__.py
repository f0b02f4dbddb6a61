"""Where files lie: folders on any store, and files and folders that appear whole or not at all."""

from .folder import Folder
from .whole import whole_file, whole_folder

__all__ = ["Folder", "whole_file", "whole_folder"]
