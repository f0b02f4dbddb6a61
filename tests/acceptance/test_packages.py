"""The wheel and the source distribution, built for real, and capq run from the wheel outside the clone."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("captcha_core", "workers", "cli")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
NOT_SOURCE = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "out", "runs")


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of both: the source distribution of a copy of this tree, and the wheel made from it."""
    folder = tmp_path_factory.mktemp("build")
    # A copy, because setuptools writes beside the sources, and packs what it finds of earlier builds.
    shutil.copytree(ROOT, folder / "copy", ignore=NOT_SOURCE)
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", folder / "copy")
    return folder / "dist"


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    return distributions / f"capq-{VERSION}-py3-none-any.whl"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel, and with the packages of this one but not its capq."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    _run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    # Python reads the .pth files of its own site-packages only. The editable capq of this
    # environment hangs on such a file, so the new one sees every package of it but capq.
    path_file = _site_packages(environment) / "packages_of_the_tests.pth"
    path_file.write_text(sysconfig.get_path("purelib") + "\n" + sysconfig.get_path("platlib") + "\n")
    return environment


@pytest.fixture(scope="module")
def outside(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty folder to run commands in, with an embedded runtime of its own."""
    folder = tmp_path_factory.mktemp("outside")
    yield folder
    _capq(installed, folder, "local", "stop")


def test_both_pass_twine_check(distributions: Path) -> None:
    names = sorted(path.name for path in distributions.iterdir())
    assert names == [f"capq-{VERSION}-py3-none-any.whl", f"capq-{VERSION}.tar.gz"]
    _run(sys.executable, "-m", "twine", "check", "--strict", *distributions.iterdir())


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    metadata = f"capq-{VERSION}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if not name.endswith("/")}
        assert archive.read(f"{metadata}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert {name for name in packed if not name.startswith(f"{metadata}/")} == _sources()


def test_the_source_distribution_holds_the_packages_and_their_pages(distributions: Path) -> None:
    top = f"capq-{VERSION}/"
    with tarfile.open(distributions / f"capq-{VERSION}.tar.gz") as archive:
        packed = {member.name.removeprefix(top) for member in archive if member.isfile()}
    pages = {f"docs/{page.relative_to(ROOT / 'docs').as_posix()}" for page in (ROOT / "docs").rglob("*.md")}
    pages |= {page.name for page in ROOT.glob("*.md")}
    assert packed >= _sources() | pages | {"LICENSE", "pyproject.toml"}
    assert not {name for name in packed if name.startswith(("tests/", "benchmarks/", "deploy/"))}


def test_the_wheel_runs_outside_the_clone(installed: Path, outside: Path) -> None:
    assert _capq(installed, outside, "--version") == f"capq, version {VERSION}\n"
    shape = ("--shards", 2, "--per-shard", 20, "--format", "folder")
    _capq(installed, outside, "generate", *shape, "--out", "images")
    _capq(installed, outside, "solve-dir", "images", "--out", "texts.csv")
    assert len((outside / "texts.csv").read_text().splitlines()) == 41


def test_what_ran_came_from_the_wheel(installed: Path, outside: Path) -> None:
    script = f"import {', '.join(PACKAGES)}\nfor package in ({', '.join(PACKAGES)}): print(package.__file__)"
    files = _run(installed / "bin" / "python", "-c", script, cwd=outside).splitlines()
    assert files == [str(_site_packages(installed) / package / "__init__.py") for package in PACKAGES]


def _sources() -> set[str]:
    """Return the files of this tree that a wheel is to hold: code, and the data that the code reads."""
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".nbi", ".nbc"}
    }


def _site_packages(environment: Path) -> Path:
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(environment)}))


def _capq(environment: Path, folder: Path, *arguments: object) -> str:
    return _run(environment / "bin" / "capq", *arguments, cwd=folder)


def _run(*command: object, cwd: Path | None = None) -> str:
    """Run a command away from this clone's packages and the caller's settings, and return what it printed."""
    env = {
        name: text for name, text in os.environ.items() if not name.startswith(("CAPQ_", "NUMBA_", "PYTHON"))
    }
    if cwd:
        # A cache of its own too: that of this machine says that the renderer is compiled, which it
        # is for the clone's path only, and the workers would compile instead of drawing at once.
        env |= {"CAPQ_HOME": str(cwd / "home"), "XDG_CACHE_HOME": str(cwd / "cache")}
    result = subprocess.run(
        list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=280
    )
    assert result.returncode == 0, f"{command}: {result.stdout}\n{result.stderr}"
    return result.stdout
