"""Reading many images with one network: from a folder, archive or list to a table with its figures.

`read` does it all in this process. A job system does it in parts, on as many machines as it has:
`Reading.start` and `Reading.batches` list the images, `reader.read_batch` reads a batch wherever
its files can be reached, and `finish.finish` puts the table together.

Examples
--------
>>> from captcha_core import solving
>>> solving.read("images", "texts.csv").images  # doctest: +SKIP
20000
"""

from .finish import ReadingSummary
from .local import read
from .plan import ReadingPlan
from .reading import Reading

__all__ = ["Reading", "ReadingPlan", "ReadingSummary", "read"]
