"""Remove from an image's environment what nothing runs: a third of what PyPI's packages bring.

Their tests, the symbols that only debuggers read, and what botocore knows of AWS' services other than S3.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LEFT_ALONE = ("torch", "nvidia", "triton")
"""Packages whose libraries stay as they are, as do those in ``*.libs``, which auditwheel has rewritten."""
SERVICES = ("s3", "sts", "sso", "sso-oidc")
"""What reading and writing S3 asks, to sign in too."""


def _test_folders(packages: Path) -> list[Path]:
    return [path for path in packages.rglob("tests") if path.is_dir()]


def _other_services(packages: Path) -> list[Path]:
    services = packages.glob("botocore/data/*/")
    return [path for path in services if path.is_dir() and path.name not in SERVICES]


def _libraries(packages: Path) -> Iterator[Path]:
    for path in packages.rglob("*.so"):
        package = path.relative_to(packages).parts[0]
        if package not in LEFT_ALONE and not package.endswith(".libs"):
            yield path


def main(packages: Path) -> None:
    for folder in [*_test_folders(packages), *_other_services(packages)]:
        shutil.rmtree(folder, ignore_errors=True)  # one may lie in another
    subprocess.run(["/usr/bin/strip", "--strip-unneeded", *_libraries(packages)], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
