"""Print what capq needs with some of its extras, for pip: ``deploy/dependencies.py render s3``.

The images install it in a layer of its own, which an edit of capq's source leaves as it is.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

OWN = re.compile(r"capq\[(.+)\]")
"""An extra that stands for others of capq's."""


def requirements(extras: dict[str, list[str]], names: list[str]) -> Iterator[str]:
    """Yield the requirements of some extras, as ``pyproject.toml`` has them."""
    for requirement in (requirement for name in names for requirement in extras[name]):
        others = OWN.fullmatch(requirement)
        if others:
            yield from requirements(extras, others[1].split(","))
        else:
            yield requirement


if __name__ == "__main__":
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    extras = requirements(project["optional-dependencies"], sys.argv[1:])
    sys.stdout.write("".join(f"{line}\n" for line in [*project["dependencies"], *extras]))
