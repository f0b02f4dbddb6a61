"""Results tables: rows, file formats, and the figures that summarise a table."""

from .row import Row

__all__ = ["Row"]
