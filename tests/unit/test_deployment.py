"""docker-compose.yml, the images and .env.example fit each other and capq's settings.

What runs in a container is tried in tests/containers; this reads files alone.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.commands import exporter as exporter_command
from workers.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
SETTINGS = {f"CAPQ_{name.upper()}" for name in Settings.model_fields}
PUBLISHED = {"prometheus", "grafana"}
FILES = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file()]


def _variables(text: str) -> set[str]:
    return set(re.findall(r"\bCAPQ_[A-Z0-9_]+", text))


def _unknown(text: str) -> set[str]:
    """Return the variables in a text that capq would not read."""
    return _variables(text) - SETTINGS


def _interpolated(text: str) -> set[str]:
    """Return the variables that compose takes from .env."""
    return set(re.findall(r"(?<!\$)\$\{(\w+)", text))


def test_an_unknown_variable_is_noticed() -> None:
    text = "CAPQ_REDIS_URL: x\n  CAPQ_LEASE_SECOND: 5\nenv CAPQ_HOME=/x CAPQ_HOMES=/y"
    assert _unknown(text) == {"CAPQ_LEASE_SECOND", "CAPQ_HOMES"}
    assert _interpolated("${CAPQ_A:-x} $${CAPQ_B} ${C}:${D?e}") == {"CAPQ_A", "C", "D"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DEPLOY)))
def test_images_scripts_and_manifests_set_variables_that_capq_reads(file: Path) -> None:
    assert not _unknown(file.read_text())


def test_containers_get_variables_that_capq_reads() -> None:
    for name, service in SERVICES.items():
        assert not _unknown(" ".join(service.get("environment", {}))), name


def test_the_example_explains_what_compose_takes_from_it_and_no_more() -> None:
    named = re.findall(r"^(\w+)=", EXAMPLE, re.M)
    assert len(set(named)) == len(named)
    assert set(named) == _interpolated(TEXT) | {"COMPOSE_PROFILES"}
    assert _variables(EXAMPLE) <= set(named)


def test_a_value_of_the_example_is_what_holds_without_it() -> None:
    values = dict(re.findall(r"^(\w+)=(.+)$", EXAMPLE, re.M))
    defaults = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT))
    assert {"CAPQ_UID", "CAPQ_DATA", "CAPQ_CPU_WORKERS"} <= set(values)
    for name, value in values.items():
        assert defaults[name] == value or (name == "CAPQ_CPU_PROCESSES" and value == "0")


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_a_container_may_do_no_more_than_it_must(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"max-size", "max-file"} <= set(service["logging"]["options"])
    assert "privileged" not in service
    assert service["restart"] == ("no" if service.get("profiles") == ["cli"] else "unless-stopped")


@pytest.mark.parametrize("name", SERVICES)
def test_only_what_people_look_at_is_published_and_on_this_machine_alone(name: str) -> None:
    service = SERVICES[name]
    assert COMPOSE["networks"]["internal"] == {"internal": True}
    assert service["networks"] == (["internal", "outside"] if name in PUBLISHED else ["internal"])
    assert bool(service.get("ports")) is (name in PUBLISHED)
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "cli"])
def test_a_container_that_stays_has_a_health_check(name: str) -> None:
    command = SERVICES[name]["healthcheck"]["test"]
    assert command[0] == "CMD"
    assert {"interval", "timeout", "start_period"} <= set(SERVICES[name]["healthcheck"])
    if name.endswith("worker"):
        (check,) = set(re.findall(r"^HEALTHCHECK .* CMD \[(.+)\]$", DOCKERFILE, re.M))
        assert command[1:] == yaml.safe_load(f"[{check}]")


def test_workers_have_more_time_to_end_than_their_units_take() -> None:
    for name in ("cpu-worker", "gpu-worker", "nvidia-worker"):
        minutes = re.fullmatch(r"(\d+)m", SERVICES[name]["stop_grace_period"])
        assert minutes
        assert int(minutes[1]) * 60 > 3 * Settings().slice_seconds


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if "build" in service])
def test_a_service_is_built_from_a_target_that_exists(name: str) -> None:
    build = SERVICES[name]["build"]
    assert (ROOT / build["dockerfile"]).is_file()
    for target in ("read", "train") if "$" in build["target"] else (build["target"],):
        assert f" AS {target}\n" in DOCKERFILE
    assert set(build["args"]) <= set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.M))


def test_bake_builds_the_targets_that_services_use() -> None:
    bake = (ROOT / "docker-bake.hcl").read_text()
    targets = set(re.findall(r'^target "(\w+)"', bake, re.M)) - {"common"}
    assert targets == {"render", "read", "train"}
    for target in targets:
        assert f" AS {target}\n" in DOCKERFILE
    assert "linux/amd64" in bake
    assert "linux/arm64" in bake


def test_what_is_copied_into_the_images_is_all_that_a_build_sees() -> None:
    _comment, first, *kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert first == "*"
    allowed = {line.removeprefix("!") for line in kept if line.startswith("!")}
    sources = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
    assert {source for line in sources for source in line.split()} == allowed


def test_images_get_what_pyproject_asks_for() -> None:
    script = [sys.executable, str(DEPLOY / "dependencies.py")]
    common, read = (
        set(subprocess.run([*script, *extras], capture_output=True, text=True, check=True).stdout.split("\n"))
        for extras in ((), ("fast", "onnx"))
    )
    assert any(line.startswith("celery[redis]>=") for line in common)
    assert common < read
    assert {line.partition(">=")[0] for line in read - common} == {
        "kornia-rs", "numba", "onnxruntime", "safetensors",
    }  # fmt: skip


def test_prometheus_scrapes_what_compose_starts() -> None:
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    exporter, workers = yaml.safe_load(text)["scrape_configs"]
    address = f"exporter:{exporter_command.DEFAULT_PORT}"
    assert exporter["static_configs"][0]["targets"] == [address]
    assert workers["http_sd_configs"][0]["url"] == f"http://{address}/sd"
    assert SERVICES["exporter"]["command"] == ["exporter"]
    (url,) = re.findall(r"http://[^']+", SERVICES["exporter"]["healthcheck"]["test"][-1])
    assert url == f"http://127.0.0.1:{exporter_command.DEFAULT_PORT}/-/healthy"


@pytest.mark.parametrize("devices", [2, 3])
def test_each_container_takes_a_device_of_its_own(devices: int, tmp_path: Path) -> None:
    if not shutil.which("flock"):
        pytest.skip("flock, of util-linux, is not installed")
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nseq -f 'GPU-%g' {devices}\n")
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "DEVICES_FOLDER": str(tmp_path)}
    command = ["sh", str(DEPLOY / "one-device.sh"), "sh", "-c", "echo $CUDA_VISIBLE_DEVICES; read wait"]
    containers = [
        subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(devices)
    ]  # fmt: skip
    taken = [container.stdout.readline().strip() for container in containers if container.stdout]
    assert sorted(taken) == [f"GPU-{number}" for number in range(1, devices + 1)]
    surplus = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert surplus.returncode == 1
    assert "no device is free" in surplus.stderr
    containers[0].communicate("")
    again = subprocess.run(command, env=environment, input="", capture_output=True, text=True, check=False)
    assert again.stdout.strip() == taken[0]
    for container in containers[1:]:
        container.communicate("")
