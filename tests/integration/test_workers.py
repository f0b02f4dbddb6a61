import base64
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from captcha_core.datasets import Dataset, Plan
from captcha_core.spec import Spec
from tests.conftest import Capq, processes_of, start_worker, wait_until
from workers.kinds.generate import GenerateRequest
from workers.ledger.leases import publisher_lease
from workers.ledger.ledger import Ledger

SPEC = Spec.make(width=100, height=50, lengths=3)


def _metrics(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))
    }


def test_a_worker_renders_a_dataset_and_says_so(capq: Capq, ledger: Ledger) -> None:
    worker = start_worker(capq)
    out = capq.folder / "data"
    job = capq.json(
        "generate", "--shards", 4, "--per-shard", 25, "--width", 100, "--height", 50, "--out", out
    )
    assert (job["state"], job["done"], job["counts"]["images"]) == ("done", 4, 100)
    dataset = Dataset.open(str(out))
    assert len(list(dataset)) == 100
    assert job["summary"]["sha256"] == dataset.sha256
    assert worker["queues"] == ["cpu"]
    metrics = _metrics(worker["metrics_port"])
    assert metrics["capq_images_rendered_total"] == 100
    assert metrics['capq_units_total{kind="generate",outcome="done"}'] == 4
    assert metrics['capq_unit_duration_seconds_count{kind="generate"}'] == 4


def test_a_render_worker_never_loads_torch(capq: Capq) -> None:
    worker = start_worker(capq)
    capq("generate", "--shards", 2, "--per-shard", 5, "--out", capq.folder / "data")
    pids = processes_of(worker["pid"])
    assert len(pids) == 3
    for pid in pids:
        assert "libtorch" not in Path(f"/proc/{pid}/maps").read_text()


def test_a_gpu_worker_without_a_device_shares_the_cores_among_its_processes(capq: Capq) -> None:
    capq.env |= {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": ""}
    worker = start_worker(capq, "gpu", processes=None)
    cores = len(os.sched_getaffinity(0))
    assert worker["processes"] == cores
    children = [
        Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") for pid in processes_of(worker["pid"])[1:]
    ]
    assert len(children) >= cores
    for environment in children:
        assert b"OMP_NUM_THREADS=1" in environment
        assert f"CAPQ_TRAINING_THREADS={cores}".encode() in environment


def test_celerys_own_commands_work_on_the_app(capq: Capq) -> None:
    worker = start_worker(capq, processes=1)
    for command in ("active", "registered", "stats"):
        answer = subprocess.run(
            [sys.executable, "-m", "celery", "-A", "workers.app", "inspect", command, "--json"],
            env=capq.env, capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        assert worker["worker"] in json.loads(answer.stdout)


def test_messages_are_json_and_name_a_unit_only(capq: Capq, client: Any, settings: Any) -> None:
    job = capq("generate", "--shards", 3, "--out", capq.folder / "data", "--detach").stdout.strip()
    messages = [json.loads(found) for found in client.lrange(f"{settings.key_prefix}:cpu", 0, -1)]
    assert len(messages) == 3
    assert {message["content-type"] for message in messages} == {"application/json"}
    bodies = [json.loads(base64.b64decode(message["body"])) for message in messages]
    assert sorted(arguments for arguments, _, _ in bodies) == [[job, 0], [job, 1], [job, 2]]


def test_detach_then_wait_from_elsewhere(capq: Capq) -> None:
    job = capq(
        "generate", "--shards", 2, "--per-shard", 5, "--out", capq.folder / "data", "--detach"
    ).stdout.strip()
    assert capq.json("status", job)["state"] == "queued"
    start_worker(capq)
    assert "10 images in 2 shards" in capq("wait", job).stdout
    assert "10 images in 2 shards" in capq("result", job).stdout
    assert job in capq("jobs").stdout


def test_a_failing_unit_is_tried_three_times_then_retried_by_hand(capq: Capq, ledger: Ledger) -> None:
    start_worker(capq, processes=1)
    out = capq.folder / "data"
    plan = Plan(spec=SPEC, shards=2, per_shard=5)
    Dataset.begin(str(out), plan)
    (out / "shard-000001.tar").mkdir()  # in the way of a file of that name
    failed = capq.json(
        "generate",
        "--shards",
        2,
        "--per-shard",
        5,
        "--width",
        100,
        "--height",
        50,
        "--length",
        3,
        "--out",
        out,
        code=1,
    )
    assert (failed["state"], failed["done"], failed["dead"]) == ("failed", 1, 1)
    errors = capq.json("status", failed["id"])["errors"]
    assert list(errors) == ["1"]
    assert "shard-000001.tar" in errors["1"]
    (out / "shard-000001.tar").rmdir()
    again = capq.json("retry", failed["id"])
    assert (again["state"], again["done"], again["dead"], again["counts"]["images"]) == ("done", 2, 0, 10)
    assert len(Dataset.open(str(out))) == 10


def test_a_cancelled_job_stops_and_goes_on_when_asked(capq: Capq, client: Any, settings: Any) -> None:
    out = capq.folder / "data"
    job = capq("generate", "--shards", 4, "--per-shard", 5, "--out", out, "--detach").stdout.strip()
    capq("cancel", job)
    assert capq.json("status", job)["state"] == "cancelled"
    capq("cancel", job, code=2)
    start_worker(capq)
    queue, taken = f"{settings.key_prefix}:cpu", f"{settings.key_prefix}:unacked"
    wait_until(lambda: not client.exists(queue, taken), "all units taken from the queue and let go")
    assert capq.json("status", job)["done"] == 0
    assert not list(out.glob("shard-*"))
    again = capq.json("retry", job)
    assert (again["state"], again["done"]) == ("done", 4)


def test_the_same_command_continues_from_the_files_alone(capq: Capq, client: Any) -> None:
    out = capq.folder / "data"
    plan = Plan(spec=Spec(), shards=3, per_shard=5)
    Dataset.begin(str(out), plan).write_shard(1)
    made = (out / "shard-000001.tar").stat().st_mtime_ns
    start_worker(capq)
    result = capq("generate", "--shards", 3, "--per-shard", 5, "--out", out)
    assert "has 1 of 3 shards already" in result.stderr
    assert (out / "shard-000001.tar").stat().st_mtime_ns == made
    assert len(Dataset.open(str(out))) == 15


def test_a_publisher_that_died_is_taken_over(capq: Capq, ledger: Ledger) -> None:
    out = capq.folder / "data"
    plan = Plan(spec=SPEC, shards=3, per_shard=5)
    Dataset.begin(str(out), plan)
    job = ledger.create("generate", GenerateRequest(plan=plan, out=str(out)).model_dump(mode="json"), total=3)
    ledger.leases.take(publisher_lease(job.id), "dead")  # as if it had died just now
    start_worker(capq)
    assert capq.json("wait", job.id)["state"] == "done"


def test_two_workers_share_a_job_and_make_the_bytes_that_one_process_makes(capq: Capq) -> None:
    ports = [start_worker(capq, processes=1)["metrics_port"] for _ in range(2)]
    capq("generate", "--shards", 30, "--per-shard", 30, "--out", capq.folder / "data")
    shares = [_metrics(port)["capq_images_rendered_total"] for port in ports]
    assert sum(shares) == 900
    assert min(shares) > 0
    alone = Dataset.begin(str(capq.folder / "alone"), Plan(spec=Spec(), shards=30, per_shard=30))
    for shard in range(30):
        alone.write_shard(shard, engine="pillow")
    assert alone.finish().sha256 == Dataset.open(str(capq.folder / "data")).sha256


def test_two_readings_into_one_table_are_refused(capq: Capq) -> None:
    folder = capq.folder / "images"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"")
    job = capq("solve-dir", folder, "--out", "r.csv", "--detach").stdout.strip()
    assert f"capq wait {job}" in capq("solve-dir", folder, "--out", "r.csv", code=2).stderr
    capq("cancel", job)
    capq("solve-dir", folder, "--out", "r.csv", "--detach")


def test_ctrl_c_leaves_the_job_at_work_and_says_how_to_come_back(capq: Capq, ledger: Ledger) -> None:
    command = capq.start("generate", "--shards", 2, "--per-shard", 5, "--out", capq.folder / "data")
    (job,) = wait_until(
        lambda: [job for job in ledger.jobs() if job.published == job.total], "a published job"
    )
    wait_until(lambda: "waiting" in (command.stdout.readline() if command.stdout else ""), "its progress")
    command.send_signal(signal.SIGINT)
    output, _ = command.communicate(timeout=60)
    assert command.returncode == 130
    assert f"capq wait {job.id}" in output
    start_worker(capq)
    assert capq.json("wait", job.id)["state"] == "done"


def test_a_unit_whose_worker_lacks_a_package_fails_and_says_which(capq: Capq) -> None:
    job = capq.json("train", "--spec", "lepture", "--out", capq.folder / "m", "--detach")["id"]
    script = (
        "import sys\nfrom captcha_core import machine\n"
        "there = machine.installed\nmachine.installed = lambda name: name != 'torch' and there(name)\n"
        "from workers.units import execution\nexecution.run_unit('train', sys.argv[1], 0, 'message worker ')"
    )
    subprocess.run([sys.executable, "-c", script, job], env=capq.env, check=True, timeout=60)
    failed = capq.json("status", job, code=None)
    assert failed["dead"] == 1
    assert "pip install" in str(failed["errors"])
    assert "torch" in str(failed["errors"])
