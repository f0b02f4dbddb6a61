"""The packages of capq's extras, and the command that installs them wherever capq came from."""

import re
import shlex

_EXTRA = re.compile(r"""^([^;]+?)\s*;.*\bextra\s*==\s*["']([a-z0-9-]+)["']""")
_OWN = re.compile(r"^capq\[([a-z0-9,-]+)\]$")


def install_command(extra: str) -> str:
    """Return the command that installs an extra's packages: ``pip install 'onnxruntime>=1.20'``.

    It names the packages and not capq, which may have been installed from a clone, a wheel or an
    index. Where nothing tells the packages, capq running from a folder without being installed, it
    is one for that folder.
    """
    from importlib import metadata  # as long to import as a short command takes to do its work

    try:
        packages = packages_of(extra, metadata.requires("capq") or [])
    except metadata.PackageNotFoundError:
        packages = []
    return f"pip install {shlex.join(packages or [f'.[{extra}]'])}"


def packages_of(extra: str, requirements: list[str]) -> list[str]:
    """Return the packages that an extra brings, those of the extras that it names among them.

    Parameters
    ----------
    requirements
        As the metadata of capq have them: ``numba>=0.61; extra == "fast"``.
    """
    packages: list[str] = []
    for requirement, of in (match.groups() for match in map(_EXTRA.match, requirements) if match):
        own = _OWN.match(requirement)
        if of == extra and own:
            for name in own[1].split(","):
                packages += packages_of(name, requirements)
        elif of == extra:
            packages.append(requirement)
    return list(dict.fromkeys(packages))
