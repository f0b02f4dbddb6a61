"""Versions of capq, Python, the system, and of every package that capq makes use of."""

import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata

import captcha_core
from captcha_core import machine
from captcha_core.errors import counted

from .section import Check, Section

_NOT_FOR_USERS = ("all", "benchmarks", "dev", "docs")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"""extra\s*==\s*["']([\w-]+)["']""")


def versions() -> Section:
    """Return the versions; of each extra, what is missing and what brings it."""
    checks = [
        Check("capq", captcha_core.__version__),
        Check("Python", f"{platform.python_version()} ({sys.executable})"),
        Check("system", f"{platform.platform()}, {counted(machine.cores(), 'core')}"),
    ]
    return Section("versions", [*checks, *_packages()])


def _packages() -> Iterator[Check]:
    """Yield the packages that are always needed, then those of each extra."""
    required, extras = _requirements()
    for name in required:
        version = _version(name)
        yield Check(name, version) if version else Check(name, "missing", "fault", f"pip install {name}")
    for extra, names in extras.items():
        missing = [name for name in names if not _version(name)]
        have = ", ".join(f"{name} {_version(name)}" for name in names if name not in missing)
        if missing:
            lacking = f"without {', '.join(missing)}"
            text = f"{have}; {lacking}" if have else f"not installed ({', '.join(missing)})"
            yield Check(f"extra {extra}", text, "absent", f"pip install {' '.join(missing)}")
        else:
            yield Check(f"extra {extra}", have)


def _requirements() -> tuple[list[str], dict[str, list[str]]]:
    """Return the packages that capq always needs, and those of each extra, as its metadata states them."""
    required: list[str] = []
    extras: dict[str, list[str]] = {}
    try:
        requirements = metadata.requires("capq") or []
    except metadata.PackageNotFoundError:  # a clone that was never installed
        requirements = []
    for requirement in requirements:
        match, extra = _NAME.match(requirement), _EXTRA.search(requirement)
        if not match or match[0] == "capq":
            continue
        if extra is None:
            required.append(match[0])
        elif extra[1] not in _NOT_FOR_USERS:
            extras.setdefault(extra[1], []).append(match[0])
    return required, extras


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
