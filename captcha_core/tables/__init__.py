"""Tables of results: rows, the formats they are written in, and what they sum up to."""

from .row import Row

__all__ = ["Row"]
