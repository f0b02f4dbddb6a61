"""Where files lie: folders on any store, and files and folders that appear whole or not at all."""

from .folder import Folder, absolute, parent_and_name
from .marked import MarkedFile
from .reach import check_reachable
from .whole import whole_file, whole_folder

__all__ = [
    "Folder",
    "MarkedFile",
    "absolute",
    "check_reachable",
    "parent_and_name",
    "whole_file",
    "whole_folder",
]
