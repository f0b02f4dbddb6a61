"""Where files lie: folders on any store, and files and folders that appear whole or not at all."""

from .folder import Folder, absolute, parent_and_name
from .marked import MarkedFile
from .reach import check_reachable
from .stored_path import AnyPath, as_path, new_folder, remove_tree, stands
from .whole import whole_file, whole_folder

__all__ = [
    "AnyPath",
    "Folder",
    "MarkedFile",
    "absolute",
    "as_path",
    "check_reachable",
    "new_folder",
    "parent_and_name",
    "remove_tree",
    "stands",
    "whole_file",
    "whole_folder",
]
