"""Text CAPTCHAs as data: specs, rendering, shards, networks, training and reading."""

from typing import TYPE_CHECKING, Any

from .errors import CapqError

if TYPE_CHECKING:
    from .codecs.answer import Answer
    from .solving.solver import Solver
    from .spec import Spec, presets

    __version__: str

__all__ = ["Answer", "CapqError", "Solver", "Spec", "presets"]

# When they are used: reading does without specs, rendering without a solver, a list of jobs without both.
_LATE = {
    "Answer": "codecs.answer",
    "Solver": "solving.solver",
    "Spec": "spec",
    "presets": "spec",
    "spec": "spec",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module(f".{_LATE[name]}", __name__)
    return module if name == _LATE[name] else getattr(module, name)


def _version() -> str:
    """Return the installed version; that of a clone which was never installed is not known."""
    from importlib import metadata  # only when the version is read

    try:
        return metadata.version("capq")
    except metadata.PackageNotFoundError:
        return "0+unknown"
