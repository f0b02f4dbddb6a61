"""What docker-compose.yml says is what happens: one deployment, which the tests below use in order."""

import json
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from captcha_core.datasets import Dataset
from tests.conftest import wait_until

from .conftest import DEADLINE, TARGETS, USER, Cluster, services

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3600)]

BASIC = ("redis", "cpu-worker", "gpu-worker", "exporter")
MOST_MEGABYTES = 450
RECOVERY_SECONDS = 20.0
LOOK = ("--width", 320, "--height", 160, "--image-format", "png")
PER_SHARD = 500


def _run(engine: list[str], image: str, *command: str, code: int | None = 0) -> str:
    arguments = [*engine, "run", "--rm", "--network", "none", "--entrypoint", command[0], image, *command[1:]]
    answer = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)
    assert code is None or answer.returncode == code, answer
    return answer.stdout


@pytest.mark.parametrize("target", ["render", "read"])
def test_an_image_that_does_not_train_is_small_and_lacks_pytorch(
    target: str, images: dict[str, str], engine: list[str]
) -> None:
    inspected = [*engine, "image", "inspect", "--format", "{{.Size}}", images[target]]
    size = int(subprocess.run(inspected, capture_output=True, text=True, check=True).stdout)
    print(f"{target}: {size / 1e6:.0f} MB")
    assert size < MOST_MEGABYTES * 1e6
    packages = "torch", "onnxruntime", "numba"
    script = f"from importlib.util import find_spec; print(*filter(find_spec, {packages}))"
    expected = {"render": ["numba"], "read": ["onnxruntime"]}
    assert _run(engine, images[target], "python", "-c", script).split() == expected[target]


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_runs_as_any_user_with_an_init_and_labels(
    target: str, images: dict[str, str], engine: list[str]
) -> None:
    inspected = [*engine, "image", "inspect", images[target]]
    (image,) = json.loads(subprocess.run(inspected, capture_output=True, text=True, check=True).stdout)
    settings = image["Config"]
    assert settings["User"] == "10001:10001"
    assert settings["Entrypoint"] == ["tini", "--", "capq"]
    assert settings["Labels"]["org.opencontainers.image.title"] == f"capq {target}"
    who = "import getpass, os; print(os.getuid(), getpass.getuser())"
    assert _run(engine, images[target], "python", "-c", who).split() == ["10001", "capq"]


def test_all_containers_become_healthy(cluster: Cluster) -> None:
    for service in BASIC:
        cluster.wait_healthy(service)


@pytest.mark.parametrize("service", ["cpu-worker", "gpu-worker"])
def test_a_health_check_takes_no_time(cluster: Cluster, service: str) -> None:
    (name,) = cluster.names(service)
    script = (
        "import subprocess, sys, time\nstarted = time.monotonic()\n"
        f"subprocess.run({services()[service]['healthcheck']['test'][1:]}, check=True)\n"
        "print(time.monotonic() - started)"
    )
    seconds = min(float(cluster.execute(name, "python", "-c", script)) for _ in range(5))
    print(f"{seconds:.3f} s")
    assert seconds < 0.3


@pytest.mark.parametrize("service", BASIC)
def test_a_container_may_do_no_more_than_it_must(cluster: Cluster, service: str) -> None:
    (name,) = cluster.names(service)
    status = dict(
        line.split(":\t", 1)
        for line in cluster.execute(name, "cat", "/proc/1/status").splitlines()
        if ":\t" in line
    )
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {str(USER)}
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    for folder in ("/", "/etc", "/opt"):
        denied = cluster.execute(name, "sh", "-c", f"touch {folder}/file 2>&1", code=None)
        assert "Read-only file system" in denied


@pytest.mark.parametrize("service", ["cpu-worker", "gpu-worker", "exporter"])
def test_a_worker_gets_the_variables_of_compose(cluster: Cluster, service: str) -> None:
    (name,) = cluster.names(service)
    environment = dict(
        line.split("=", 1) for line in cluster.execute(name, "env").splitlines() if "=" in line
    )
    assert set(services()[service]["environment"]) <= set(environment)
    assert environment["CAPQ_REDIS_URL"] == "redis://redis:6379/0"
    script = "from workers.settings import settings; print(settings().model_dump_json())"
    settings = json.loads(cluster.execute(name, "python", "-c", script))
    assert settings["cpu_processes"] == 1
    assert settings["metrics_port"] == 9540


def test_redis_keeps_what_it_is_told_and_nobody_sees_its_password(cluster: Cluster) -> None:
    file = cluster.folder / "state" / "secrets" / "redis-password"
    password = file.read_text().strip()
    assert len(password) == 64
    assert file.stat().st_mode & 0o777 == 0o600
    options = ("appendonly", "maxmemory-policy", "maxmemory")
    values = [cluster.redis("CONFIG", "GET", option).split()[1] for option in options]
    assert values == ["yes", "noeviction", str(512 << 20)]
    anonymous = cluster.execute(
        cluster.names("redis")[0], "sh", "-c", '"$(command -v valkey-cli redis-cli | head -n 1)" PING'
    )
    assert "NOAUTH" in anonymous
    for process in Path("/proc").glob("[0-9]*"):
        for seen in ("cmdline", "environ"):
            try:
                assert password.encode() not in (process / seen).read_bytes(), process
            except OSError:
                continue  # it has ended, or is another user's
    for service in BASIC:
        assert password not in cluster.container("inspect", cluster.names(service)[0])
        assert password not in cluster.container("logs", cluster.names(service)[0])


def test_nothing_is_reached_from_outside_nor_reaches_it(cluster: Cluster) -> None:
    for service in BASIC:
        (name,) = cluster.names(service)
        assert not cluster.container("port", name).strip()
    script = (
        "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 80), 3)\n"
        "except OSError as error:\n    print(error)"
    )
    assert cluster.execute(cluster.names("cpu-worker")[0], "python", "-c", script).strip()


def test_a_worker_that_stands_still_is_unhealthy_until_it_goes_on(cluster: Cluster) -> None:
    (name,) = cluster.names("cpu-worker")
    parent = cluster.execute(name, "sh", "-c", "cat /proc/1/task/1/children").split()[0]
    cluster.execute(name, "sh", "-c", f"kill -STOP {parent}")
    try:
        wait_until(lambda: cluster.health(name, "cpu-worker"), "an unhealthy worker", 60)
    finally:
        cluster.execute(name, "sh", "-c", f"kill -CONT {parent}")
    wait_until(lambda: not cluster.health(name, "cpu-worker"), "a healthy worker", 60)


def _owners(cluster: Cluster, job: str) -> dict[str, str]:
    """Return which worker has which unit of a job: the names of leases, and Celery's names of workers."""
    lines = cluster.redis("HGETALL", "capq:lease_owners").splitlines()
    pairs = zip(lines[::2], lines[1::2], strict=True)
    return {lease: owner.split()[1] for lease, owner in pairs if job in lease and len(owner.split()) > 1}


def _field(cluster: Cluster, job: str, field: str) -> str:
    return cluster.redis("HGET", f"capq:job:{job}", field).strip()


def _host(cluster: Cluster, container: str) -> str:
    return cluster.execute(container, "cat", "/etc/hostname").strip()


def _works(cluster: Cluster, container: str, job: str) -> Callable[[], bool]:
    host = _host(cluster, container)
    return lambda: any(owner.endswith(f"@{host}") for owner in _owners(cluster, job).values())


def _compiled(cluster: Cluster) -> None:
    """Wait until the renderer is compiled, which on each machine happens once."""
    find = ("find", "/var/cache/capq", "-name", "ready")
    name = cluster.names("cpu-worker")[0]
    wait_until(lambda: cluster.execute(name, *find).strip(), "the compiled renderer", DEADLINE)


def _scale(cluster: Cluster, workers: int) -> list[str]:
    cluster.up("--no-recreate", "--scale", f"cpu-worker={workers}", "cpu-worker")
    for surplus in cluster.names("cpu-worker")[workers:]:  # podman-compose removes none
        cluster.container("rm", "--force", surplus)
    return cluster.wait_healthy("cpu-worker", workers)


def test_units_of_a_killed_container_are_soon_at_work_elsewhere(cluster: Cluster) -> None:
    """With a worker that is free: where units wait, they run after those."""
    _compiled(cluster)
    names = _scale(cluster, 3)
    options = ("--shards", 2, "--per-shard", 6000, *LOOK, "--out", "killed", "--detach")
    job = cluster.json("generate", *options)["id"]
    wait_until(lambda: len(_owners(cluster, job)) == 2, "both units at work")
    killed = next(name for name in names if _works(cluster, name, job)())
    seconds = _kill(cluster, killed, job)
    print(f"units of a killed container are at work again after {seconds:.1f} s")
    assert seconds < RECOVERY_SECONDS
    cluster.capq("wait", job)
    assert len(list(Dataset.open(str(cluster.folder / "data" / "killed")))) == 12_000
    cluster.container("rm", "--force", killed)
    _scale(cluster, 1)


def test_workers_come_and_go_in_the_middle_of_a_job(cluster: Cluster) -> None:
    _compiled(cluster)
    trial = cluster.json("generate", "--shards", 4, "--per-shard", PER_SHARD, *LOOK, "--out", "trial")
    shards = int(120 * 4 / (trial["ended"] - trial["started"]))  # two minutes of one process
    options = ("--shards", shards, "--per-shard", PER_SHARD, *LOOK, "--out", "set", "--detach")
    job = cluster.json("generate", *options)["id"]
    (first,) = cluster.names("cpu-worker")
    wait_until(lambda: int(_field(cluster, job, "done")) > 1, "the first shards")

    names = _scale(cluster, 3)
    others = [name for name in names if name != first]
    assert len(others) == 2
    for name in names:
        wait_until(_works(cluster, name, job), f"a unit of {name}")
    _drain(cluster, others[0], job)
    cluster.container("kill", others[1])
    before = int(_field(cluster, job, "done"))
    assert before < shards, "the job is too short for this machine"
    cluster.container("restart", cluster.names("redis")[0])
    cluster.wait_healthy("redis")
    assert int(_field(cluster, job, "done")) >= before

    cluster.capq("wait", job, seconds=1200)
    assert int(_field(cluster, job, "done")) == shards
    images = len(list(Dataset.open(str(cluster.folder / "data" / "set"))))
    assert images == int(_field(cluster, job, "count:images")) == shards * PER_SHARD
    for name in others:
        cluster.container("rm", "--force", name)
    assert cluster.wait_healthy("cpu-worker") == [first]


def _drain(cluster: Cluster, name: str, job: str) -> None:
    """Stop a container as an operator does: its unit ends, and no attempt is lost."""
    host = _host(cluster, name)
    cluster.container("stop", "--time", 120, name)
    assert cluster.container("inspect", "--format", "{{.State.ExitCode}}", name).strip() == "0"
    assert not any(owner.endswith(f"@{host}") for owner in _owners(cluster, job).values())
    assert not cluster.redis("HGETALL", f"capq:job:{job}:attempts").strip()


def _kill(cluster: Cluster, name: str, job: str) -> float:
    """Kill a container, and return the seconds until what it was at work on is at work elsewhere, or done."""
    host = _host(cluster, name)

    def mine() -> list[str]:
        return [lease for lease, owner in _owners(cluster, job).items() if owner.endswith(f"@{host}")]

    wait_until(mine, "a unit of its own")
    cluster.container("kill", name)
    started, units = time.monotonic(), mine()
    assert units

    def at_work_again() -> bool:
        owners = _owners(cluster, job)
        bytes_ = cluster.redis("GET", f"capq:job:{job}:units")
        return all(
            (lease in owners and not owners[lease].endswith(f"@{host}"))
            or bytes_[int(lease.rpartition(":")[2])] == "d"
            for lease in units
        )

    wait_until(at_work_again, "its units")
    return time.monotonic() - started


def test_a_training_and_a_reading_of_the_users_own_folder(cluster: Cluster) -> None:
    """The way of docs/deployment.md, from images on the machine to a table on the machine."""
    look = ("--width", 100, "--height", 50, "--charset", "digits", "--length", 3)
    cluster.capq("generate", "--shards", 4, "--per-shard", 250, *look, "--out", "digits")
    cluster.capq("train", "digits", "--max-time", "30s", "--out", "reader", seconds=900)
    cluster.capq(
        "generate",
        "--shards",
        1,
        "--per-shard",
        50,
        *look,
        "--seed",
        5,
        "--format",
        "folder",
        "--out",
        "mine",
    )
    data = cluster.folder / "data"
    folder = data / "images" / "of mine"
    folder.mkdir(parents=True)
    for picture in (data / "mine").rglob("*.jpg"):
        picture.rename(folder / picture.name)
    _give_to_user(data / "images")
    cluster.capq("solve-dir", "images", "--recursive", "--checkpoint", "reader", "--out", "texts.csv")
    table = data / "texts.csv"
    assert table.stat().st_uid == USER
    assert os.access(table, os.R_OK)
    lines = table.read_text().splitlines()
    assert lines[0].startswith("path,text,confidence")
    assert len(lines) == 51
    assert all(re.match(r"of mine/\d+\.jpg,\d{3},", line) for line in lines[1:])
    owners = {path.stat().st_uid for path in data.rglob("*")}
    assert owners == {USER}


def _give_to_user(folder: Path) -> None:
    if os.getuid() == 0:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, USER, USER)


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def test_prometheus_finds_the_workers_and_counts_what_they_did(cluster: Cluster) -> None:
    cluster("--profile", "monitoring", "up", "--detach", "--no-build", "prometheus")
    cluster.wait_healthy("prometheus")
    base = "http://127.0.0.1:9090/api/v1/query?query="

    def targets() -> bool:
        up = _get(f"{base}up")["data"]["result"]
        queues = sorted(series["metric"].get("queue_name", "") for series in up if series["value"][1] == "1")
        return queues == ["", "cpu", "gpu"]

    wait_until(targets, "targets that are up", 120)
    rendered = float(cluster.redis("HGET", "capq:totals", "count:generate:images"))
    (series,) = _get(f"{base}capq_ledger_images_total%7Bkind=%22generate%22%7D")["data"]["result"]
    assert float(series["value"][1]) == rendered > 0
    script = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9541/metrics').read().decode())"
    metrics = cluster.execute(cluster.names("exporter")[0], "python", "-c", script)
    assert "capq_redis_up 1.0" in metrics


def test_all_of_it_stops_within_the_time_that_it_has(cluster: Cluster) -> None:
    started = time.monotonic()
    cluster("--profile", "monitoring", "down", seconds=DEADLINE)
    print(f"down after {time.monotonic() - started:.0f} s")
    assert not [name for service in services() for name in cluster.names(service)]
    assert (cluster.folder / "state" / "redis" / "appendonlydir").is_dir()


def test_it_goes_on_after_an_upgrade(cluster: Cluster) -> None:
    """The same state and data serve a deployment that is brought up anew."""
    cluster.up()
    for service in BASIC:
        cluster.wait_healthy(service)
    jobs = cluster.json("jobs")
    assert {"generate", "train", "solve"} <= {job["kind"] for job in jobs}
