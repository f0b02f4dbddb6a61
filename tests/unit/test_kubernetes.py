"""The manifests in deploy/kubernetes fit each other, the images, and capq's settings and keys.

Kubernetes' schemas are checked by deploy/kubernetes/check-schema.sh, which needs a network.
"""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from cli.main import main
from workers.app import CPU, GPU, QUEUES
from workers.kinds import KINDS
from workers.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
FILES = sorted(FOLDER.rglob("*.yaml"))
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
SETTINGS = {f"CAPQ_{name.upper()}": name for name in Settings.model_fields}
WORKERS = {"cpu-worker": CPU, "gpu-worker": GPU}


def _documents(*files: Path) -> Iterator[dict[str, Any]]:
    for path in files or FILES:
        yield from yaml.safe_load_all(path.read_text())


def _of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [document for document in _documents() if document["kind"] in kinds]


BASE = {
    (document["kind"], document["metadata"].get("name")): document
    for document in _documents(*(FOLDER / "base").glob("*[!n].yaml"), *(FOLDER / "examples").glob("*.yaml"))
    if "metadata" in document
}
PODS = {
    key: document["spec"]["template"]
    for key, document in BASE.items()
    if key[0] in ("Deployment", "StatefulSet", "Job")
}
CONTAINERS = {key[1] or "command": pod["spec"]["containers"][0] for key, pod in PODS.items()}


def _literals() -> dict[str, str]:
    (kustomization,) = _documents(FOLDER / "base" / "kustomization.yaml")
    (capq,) = (part for part in kustomization["configMapGenerator"] if part["name"] == "capq")
    return dict(literal.split("=", 1) for literal in capq["literals"])


def _variables(container: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in container.get("env", [])}


def _parsed(command: str, arguments: list[str]) -> click.Context:
    """Return what the command line makes of a container's arguments; an error where they are wrong."""
    found = main.get_command(click.Context(main), command)
    assert found, f"capq has no command {command}"
    return found.make_context(command, list(arguments))


def test_every_file_is_named_by_a_kustomization() -> None:
    named = set()
    for path in FOLDER.rglob("kustomization.yaml"):
        (document,) = _documents(path)
        patches = [patch["path"] for patch in document.get("patches", []) if "path" in patch]
        for name in [*document.get("resources", []), *patches]:
            target = (path.parent / name).resolve()
            assert target.exists(), f"{path}: {name}"
            named.add(target)
        text = path.read_text()
        for component in re.findall(r"^#   - (\S+)$", text, re.M):
            assert (path.parent / component / "kustomization.yaml").is_file(), component
    loose = {path for path in FILES if path.name != "kustomization.yaml" and path not in named}
    assert loose == set((FOLDER / "examples").glob("*.yaml"))


def test_variables_are_those_that_capq_reads() -> None:
    given = _literals()
    for container in CONTAINERS.values():
        given |= {name: value for name, value in _variables(container).items() if name.startswith("CAPQ_")}
    assert set(given) <= set(SETTINGS)
    valid = {SETTINGS[name]: value for name, value in given.items() if value}
    assert Settings.model_validate_strings(valid).metrics_port == 9540


@pytest.mark.parametrize("name", CONTAINERS)
def test_an_image_is_a_target_of_the_dockerfile(name: str) -> None:
    image = CONTAINERS[name]["image"]
    repository, _, tag = image.rpartition(":")
    if name == "valkey":
        assert re.fullmatch(r"\d+\.\d+-alpine", tag)
        return
    assert repository.endswith("capq")
    assert f" AS {tag}\n" in DOCKERFILE


@pytest.mark.parametrize("name", sorted(set(CONTAINERS) - {"valkey"}))
def test_a_container_runs_a_command_that_exists(name: str) -> None:
    command, *arguments = CONTAINERS[name]["args"]
    parsed = _parsed(command, arguments)
    if name in WORKERS:
        assert parsed.params["queue"] == WORKERS[name]
        assert WORKERS[name] in QUEUES


@pytest.mark.parametrize(("kind", "name"), PODS)
def test_a_pod_may_do_no_more_than_it_must(kind: str, name: str | None) -> None:
    pod = PODS[kind, name]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    # Kubernetes would set variables such as REDIS_PORT for each service.
    assert pod["enableServiceLinks"] is False
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]
        assert {mount["name"] for mount in container["volumeMounts"]} <= {
            volume["name"] for volume in pod["volumes"]
        } | {"data"}


@pytest.mark.parametrize("name", ["cpu-worker", "gpu-worker"])
def test_a_worker_is_looked_at_by_its_heartbeat(name: str) -> None:
    container = CONTAINERS[name]
    written = _variables(container)["CAPQ_HEARTBEAT_FILE"]
    assert any(written.startswith(mount["mountPath"]) for mount in container["volumeMounts"])
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        python, option, module = container[probe]["exec"]["command"]
        assert (python, option) == ("python", "-m")
        assert importlib.util.find_spec(module)
        (check,) = set(re.findall(r"^HEALTHCHECK .* CMD \[(.+)\]$", DOCKERFILE, re.M))
        assert container[probe]["exec"]["command"] == yaml.safe_load(f"[{check}]")
    (port,) = container["ports"]
    assert str(port["containerPort"]) == _variables(container)["CAPQ_METRICS_PORT"]


def test_the_exporter_is_asked_where_it_listens() -> None:
    container = CONTAINERS["exporter"]
    (port,) = container["ports"]
    parsed = _parsed(*container["args"][:1], container["args"][1:])
    assert parsed.params["port"] == port["containerPort"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/-/healthy", "port": port["name"]}


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_has_more_time_to_end_than_its_units_take(name: str) -> None:
    grace = PODS["Deployment", name]["spec"]["terminationGracePeriodSeconds"]
    assert grace > 3 * Settings().slice_seconds
    assert grace > Settings().lease_seconds


@pytest.mark.parametrize(
    "kind", ["Deployment", "StatefulSet", "PodDisruptionBudget", "Service", "NetworkPolicy"]
)
def test_selectors_match_the_labels_of_pods(kind: str) -> None:
    pods = [pod["metadata"]["labels"] for pod in PODS.values()]
    for spec in (document["spec"] for (found, _), document in BASE.items() if found == kind):
        selector = spec.get("podSelector") or spec["selector"]
        labels = selector.get("matchLabels", selector)
        assert sum(labels.items() <= of_pod.items() for of_pod in pods) == 1, labels


def test_pods_are_spread_by_their_own_labels() -> None:
    for name in WORKERS:
        pod = PODS["Deployment", name]
        (constraint,) = pod["spec"]["topologySpreadConstraints"]
        assert constraint["labelSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


def test_monitors_find_ports_of_pods() -> None:
    workers, exporter = _of_kind("PodMonitor")
    (expression,) = workers["spec"]["selector"]["matchExpressions"]
    found = {key[1] for key, pod in PODS.items() if expression["key"] in pod["metadata"]["labels"]}
    assert found == set(WORKERS)
    assert exporter["spec"]["selector"]["matchLabels"].items() <= (
        PODS["Deployment", "exporter"]["metadata"]["labels"].items()
    )
    for monitor in (workers, exporter):
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        for name in found if monitor is workers else {"exporter"}:
            assert endpoint["port"] in {port["name"] for port in CONTAINERS[name]["ports"]}


@pytest.mark.parametrize("name", WORKERS)
def test_workers_are_scaled_by_their_queue_and_its_leases(name: str) -> None:
    scaled = BASE["ScaledObject", name]
    assert ("Deployment", scaled["spec"]["scaleTargetRef"]["name"]) in BASE
    assert "replicas" not in BASE["Deployment", name]["spec"]
    keys = [trigger["metadata"]["listName"] for trigger in scaled["spec"]["triggers"]]
    prefix = Settings().key_prefix
    assert keys == [f"{prefix}:{WORKERS[name]}", f"{prefix}:running", f"{prefix}:active"]
    described = (ROOT / "docs" / "architecture.md").read_text()
    assert all(f"`{key}`" in described for key in keys)
    for trigger in scaled["spec"]["triggers"]:
        assert ("TriggerAuthentication", trigger["authenticationRef"]["name"]) in BASE


@pytest.mark.parametrize("queue", QUEUES)
def test_prometheus_is_asked_for_the_kinds_of_a_queue(queue: str) -> None:
    (scaled,) = _documents(FOLDER / "components" / "monitoring" / f"{queue}-scaling.yaml")
    query = scaled["spec"]["triggers"][0]["metadata"]["query"]
    assert f'queue_name="{queue}"' in query
    (kinds,) = re.findall(r'kind=~"([^"]+)"', query)
    assert set(kinds.split("|")) == {kind.name for kind in KINDS.values() if kind.queue == queue}
    served = (ROOT / "docs" / "monitoring.md").read_text()
    assert all(f"`{metric}`" in served for metric in re.findall(r"capq_\w+", query))


def test_the_password_is_one_secret() -> None:
    password_file = _literals()["CAPQ_REDIS_PASSWORD_FILE"]
    (authentication,) = _of_kind("TriggerAuthentication")
    (target,) = authentication["spec"]["secretTargetRef"]
    assert Path(password_file).name == target["key"]
    for pod in PODS.values():
        (secret,) = (volume["secret"] for volume in pod["spec"]["volumes"] if "secret" in volume)
        assert secret["secretName"] == target["name"]
        (mount,) = (m for m in pod["spec"]["containers"][0]["volumeMounts"] if m["name"] == "password")
        assert str(Path(password_file).parent) == mount["mountPath"]


def test_the_address_is_that_of_the_service() -> None:
    service = BASE["Service", "valkey"]
    (port,) = service["spec"]["ports"]
    assert _literals()["CAPQ_REDIS_URL"] == f"redis://valkey:{port['port']}/0"
    (namespace,) = {d["namespace"] for d in _documents(*(FOLDER / "overlays").rglob("kustomization.yaml"))}
    for scaled in _of_kind("ScaledObject"):
        for trigger in scaled["spec"].get("triggers", []):
            address = trigger["metadata"].get("address")
            assert address in (None, f"valkey.{namespace}.svc:{port['port']}")


def _container_names(deployment: dict[str, Any]) -> set[str]:
    pod = deployment["spec"].get("template", {}).get("spec", {})
    return {container["name"] for container in pod.get("containers", [])}


def test_patches_are_of_what_the_base_has() -> None:
    patches = [*(FOLDER / "overlays").rglob("*.yaml"), *(FOLDER / "components").rglob("*-scaling.yaml")]
    for document in _documents(*patches):
        if document["kind"] != "Kustomization":
            base = BASE[document["kind"], document["metadata"]["name"]]
            assert _container_names(document) <= _container_names(base)
