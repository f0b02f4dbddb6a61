"""Where files lie: folders on any store, and files and folders that appear whole or not at all."""

from .folder import Folder, absolute, parent_and_name
from .whole import whole_file, whole_folder

__all__ = ["Folder", "absolute", "parent_and_name", "whole_file", "whole_folder"]
