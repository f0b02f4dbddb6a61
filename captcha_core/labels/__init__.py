"""Labels of images as people keep them: in tables, JSON, text files, file names, folders and tar files.

`find_labels` looks at a folder, chooses the rule by which its labels are read, and says which one.
One module reads one format.
"""

from .labels import LabelOptions, Labels
from .rules import find_labels

__all__ = ["LabelOptions", "Labels", "find_labels"]
