"""What this machine has for capq, and what it lacks: the figures of `capq checks`.

Each module makes a `Section`; none of them changes anything or starts a server.
"""

from .engines import engines
from .folders import folders
from .section import Check, Section
from .server import server
from .versions import versions

__all__ = ["Check", "Section", "sections"]


def sections() -> list[Section]:
    """Return all sections, in the order in which people read them."""
    return [versions(), server(), engines(), folders()]
