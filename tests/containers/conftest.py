"""A clone's compose file, brought up as it is by Docker or Podman.

=========================== ==========================================================================
``CAPQ_TEST_COMPOSE``       the command that stands for ``docker compose``; else the first of
                            ``docker compose``, ``podman compose`` and ``podman-compose`` that works
``CAPQ_TEST_BUILD_OPTIONS`` further options of the engine's ``build``, such as another base image
``CAPQ_TEST_ENV``           lines for ``.env``, separated by spaces, such as ``CAPQ_REDIS_IMAGE=…``
=========================== ==========================================================================
"""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import wait_until

ROOT = Path(__file__).parents[2]
PROJECT = "capq-test"  # so that a deployment of this machine stays as it is
USER = os.getuid() or 1000  # that of .env.example, where the tests run as root
TARGETS = ("render", "read", "train")
DEADLINE = 300.0


def _compose_command() -> list[str] | None:
    named = os.environ.get("CAPQ_TEST_COMPOSE", "")
    if named:
        return shlex.split(named)
    for command in (["docker", "compose"], ["podman", "compose"], ["podman-compose"]):
        engine = command[0].partition("-")[0]
        if all(_works([*words]) for words in ([*command, "version"], [engine, "info"])):
            return command
    return None


def _works(command: list[str]) -> bool:
    if not shutil.which(command[0]):
        return False
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


@dataclass
class Cluster:
    """A clone whose compose file is up.

    Attributes
    ----------
    folder
        The clone.
    compose, engine
        Commands that stand for ``docker compose`` and ``docker``.
    """

    folder: Path
    compose: list[str]
    engine: list[str]

    def __call__(self, *arguments: object, code: int | None = 0, seconds: float = DEADLINE) -> str:
        """Run a command of compose in the clone, and return what it prints; `code` None takes any."""
        command = [*self.compose, "--project-name", PROJECT, *map(str, arguments)]
        return _output(command, self.folder, code, seconds)

    def container(self, *arguments: object, code: int | None = 0) -> str:
        """Run a command of the engine."""
        return _output([*self.engine, *map(str, arguments)], self.folder, code, DEADLINE)

    def capq(self, *arguments: object, code: int | None = 0, seconds: float = DEADLINE) -> str:
        """Run a command of capq as docs/deployment.md says."""
        return self("--profile", "cli", "run", "--rm", "-T", "cli", *arguments, code=code, seconds=seconds)

    def json(self, *arguments: object, code: int | None = 0) -> Any:
        """Return what a command of capq prints with ``--json``, past what the engine says before it."""
        lines = self.capq(*arguments, "--json", code=code).splitlines(keepends=True)
        start = next(number for number, line in enumerate(lines) if line.startswith(("{", "[")))
        return json.loads("".join(lines[start:]))

    def names(self, service: str) -> list[str]:
        """Return the names of a service's running containers."""
        names = self.container("ps", "--format", "{{.Names}}").split()
        return sorted(name for name in names if name.replace("_", "-").startswith(f"{PROJECT}-{service}-"))

    def execute(self, container: str, *command: object, code: int | None = 0) -> str:
        return self.container("exec", container, *command, code=code)

    def redis(self, *command: object) -> str:
        """Return what Redis answers, asked with the password that its own container has."""
        script = (
            'REDISCLI_AUTH=$(cat /run/secrets/redis-password) exec "$(command -v valkey-cli redis-cli '
            '| head -n 1)" --raw "$@"'
        )
        return self.execute(self.names("redis")[0], "sh", "-c", script, "sh", *command)

    def health(self, container: str, service: str) -> str:
        """Return what is wrong with a container by its own health check; empty when it is healthy."""
        check = services()[service]["healthcheck"]["test"]
        command = [*self.engine, "exec", container, *check[1:]]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return f"{answer.returncode}: {answer.stderr}" if answer.returncode else ""

    def wait_healthy(self, service: str, containers: int | None = 1) -> list[str]:
        """Wait until so many containers of a service (None: any) are healthy, and return their names."""

        def healthy() -> list[str] | None:
            names = self.names(service)
            enough = len(names) == containers if containers else bool(names)
            ready = enough and not any(self.health(name, service) for name in names)
            return names if ready else None

        return list(wait_until(healthy, f"{containers or 'a'} healthy {service}", DEADLINE))

    def up(self, *arguments: object) -> None:
        self("up", "--detach", "--no-build", *arguments)


def _output(command: list[str], folder: Path, code: int | None, seconds: float) -> str:
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
    )  # fmt: skip
    said = f"{command}: {result.returncode}\n{result.stdout}\n{result.stderr}"
    assert "Traceback" not in result.stdout, said
    assert code is None or result.returncode == code, said
    return result.stdout


def services() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"])


def _clone(folder: Path) -> Path:
    """Copy what git has, or would take, as the user whose the containers will be."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def _own(folder: Path) -> None:
    """Give a folder to the user of the containers."""
    if os.getuid() == 0:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, USER, USER)


@pytest.fixture(scope="session")
def compose() -> list[str]:
    command = _compose_command()
    if command is None:
        pytest.skip("no container engine: neither Docker nor Podman with compose works here")
    return command


@pytest.fixture(scope="session")
def engine(compose: list[str]) -> list[str]:
    return ["podman" if "podman" in Path(compose[0]).name else "docker"]


@pytest.fixture(scope="session")
def images(engine: list[str]) -> dict[str, str]:
    """The three images, by target."""
    options = shlex.split(os.environ.get("CAPQ_TEST_BUILD_OPTIONS", ""))
    for target in TARGETS:
        command = [*engine, "build", *options, "--file", "deploy/Dockerfile"]
        command += ["--target", target, "--tag", f"{PROJECT}:{target}", "."]
        _output(command, ROOT, 0, 1800)
    return {target: f"{PROJECT}:{target}" for target in TARGETS}


@pytest.fixture(scope="session")
def cluster(
    images: dict[str, str],
    compose: list[str],
    engine: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    """The compose file of a clone, up; its containers, networks and volumes end with the tests."""
    folder = _clone(tmp_path_factory.mktemp("clone"))
    lines = [f"CAPQ_IMAGE={PROJECT}", f"CAPQ_UID={USER}", f"CAPQ_GID={USER}", "CAPQ_CPU_PROCESSES=1"]
    lines += os.environ.get("CAPQ_TEST_ENV", "").split()
    example = (folder / ".env.example").read_text()
    (folder / ".env").write_text(example + "\n".join(["", *lines, ""]))
    _own(folder)
    cluster = Cluster(folder, compose, engine)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster("--profile", "monitoring", "down", "--volumes", "-t", 5, code=None)
