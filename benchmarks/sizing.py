"""What a deployment needs: images a second, memory of processes and of Redis, and where one Redis ends.

    python benchmarks/sizing.py workers     a cpu and a gpu worker of one process: images a second, memory
    python benchmarks/sizing.py redis       bytes of Redis for each unit that waits, and that has ended
    python benchmarks/sizing.py ledger      up to 200 workers whose units do nothing: units a second

Rates are per second of processor time, which other programs on the machine change little; of the clock
they are given besides. `ledger` runs the real queue and ledger: the messages are Celery's, sent by
`workers.units.publishing` and taken by a consumer for each worker, and each unit goes through
`workers.units.execution`. Only what a unit does is left out. Some messages are sent twice. At the end each
unit must have been recorded once.
"""

import argparse
import collections
import contextlib
import json
import multiprocessing
import os
import queue
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import redis
from exporter import start_server

WORKERS = (25, 50, 100, 200)
DOUBLED = 50  # of so many messages, one is sent twice
_TICKS = os.sysconf("SC_CLK_TCK")
_STALLED_SECONDS = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("workers", "redis", "ledger"))
    parser.add_argument("--units", type=int, default=20_000, help="of `redis` and `ledger`")
    parser.add_argument(
        "--processes", type=int, default=2, help="over which the workers of `ledger` are spread"
    )
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS, help="of `ledger`, in turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--images", type=int, default=6000, help="of `workers`, rendered and read")
    options = parser.parse_args()
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as url:
        os.environ["CAPQ_REDIS_URL"] = url
        {"workers": measure_workers, "redis": measure_redis, "ledger": measure_ledger}[options.part](
            Path(folder), options
        )


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[str]:
    server, url = start_server(folder)
    with redis.Redis.from_url(url) as client:
        client.config_set("appendonly", "yes")
    try:
        yield url
    finally:
        server.terminate()
        server.wait()


# Workers


def measure_workers(folder: Path, options: argparse.Namespace) -> None:
    """Render and read with a worker of one process each, and print rates and memory."""
    dataset, table = str(folder / "data"), str(folder / "texts.csv")
    per_shard = max(1, options.images // 6)
    with _worker("cpu", folder) as cpu, _worker("gpu", folder) as gpu:
        _capq("generate", "--shards", 1, "--per-shard", 20, "--out", folder / "first")  # compiles and loads
        _capq("solve-dir", folder / "first", "--out", folder / "first.csv", "--checkpoint", "lepture-170x80")
        jobs = (
            ("rendering", cpu, ("generate", "--shards", 6, "--per-shard", per_shard, "--out", dataset)),
            ("reading", gpu, ("solve-dir", dataset, "--out", table, "--checkpoint", "lepture-170x80")),
        )
        for name, worker, arguments in jobs:
            rates = []
            for turn in range(1, options.turns + 1):
                before, started_at = _pool_seconds(worker), time.monotonic()
                images = _capq(*arguments, "--overwrite" if name == "reading" else "")["summary"]["images"]
                seconds, elapsed = _pool_seconds(worker) - before, time.monotonic() - started_at
                rates.append((images / seconds, images / elapsed))
                if name == "rendering" and turn < options.turns:
                    shutil.rmtree(dataset)
            per_core, elapsed = (statistics.median(column) for column in zip(*rates, strict=True))
            print(f"{name}: {per_core:,.0f} images a second of a core ({elapsed:,.0f} of the clock)")
        for name, worker in (("cpu", cpu), ("gpu", gpu)):
            parent, *pool = (_memory(pid) for pid in (worker, *_children(worker)))
            print(f"{name} worker: parent {parent:.0f} MiB, pool process {max(pool):.0f} MiB")


@contextlib.contextmanager
def _worker(name: str, folder: Path) -> Iterator[int]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "worker", name, "--processes", "1"],
            stdout=log,
            stderr=log,
            env=environment,
        )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def _capq(*arguments: object) -> Any:
    command = [
        sys.executable,
        "-m",
        "cli",
        *(str(argument) for argument in arguments if argument != ""),
        "--json",
    ]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _children(pid: int) -> list[int]:
    """Return the pool processes of a worker; Python's own helpers are left out."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [
        child for child in children if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def _pool_seconds(worker: int) -> float:
    return sum(_processor_seconds(pid) for pid in _children(worker))


def _processor_seconds(pid: int | str) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory(pid: int) -> float:
    """Return a process's share of memory in MiB: what it has with others is divided among them."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024


# Redis


def measure_redis(folder: Path, options: argparse.Namespace) -> None:
    """Print how much memory units take that wait, and that have ended."""
    from workers.ledger.ledger import process_ledger
    from workers.units import publishing

    client = redis.Redis.from_url(os.environ["CAPQ_REDIS_URL"])
    ledger = process_ledger()
    empty = client.info("memory")["used_memory"]
    job = ledger.create("generate", _request(folder, options.units), total=options.units)
    publishing.publish(ledger, job.id)
    waiting = client.info("memory")["used_memory"] - empty
    client.delete("capq:cpu")
    for unit in range(options.units):
        ledger.begin(job.id, unit, "o" * 32)
        ledger.record(job.id, unit, "o" * 32, counts={"images": 1})
    ended = client.info("memory")["used_memory"] - empty
    for name, size in (("waiting", waiting), ("ended", ended)):
        each = size / options.units
        print(f"{name}: {each:,.1f} bytes a unit, {each * 1e6 / 2**20:,.1f} MiB a million")


def _request(folder: Path, units: int) -> dict[str, Any]:
    from captcha_core.datasets import Plan
    from captcha_core.spec import Spec
    from workers.kinds.generate import GenerateRequest

    plan = Plan(spec=Spec(), shards=units, per_shard=1)
    return GenerateRequest(plan=plan, out=str(folder / "nothing")).model_dump(mode="json")


# The ledger


def measure_ledger(folder: Path, options: argparse.Namespace) -> None:
    """Run units that do nothing with more and more workers; print rates, and whose processor is the limit."""
    print(
        "workers  units/s  Redis µs/unit  of a core  clients µs/unit  of a core  one Redis: units/s  checked"
    )
    for count in options.workers:
        turns = [_turn(folder, count, options) for _ in range(options.turns)]
        rate, server, clients, seconds = (statistics.median(column) for column in zip(*turns, strict=True))
        units = options.units
        print(
            f"{count:7}  {rate:7,.0f}  {server / units * 1e6:13,.0f}  {server / seconds:9.0%}  "
            f"{clients / units * 1e6:15,.0f}  {clients / seconds:9.0%}  {units / server:18,.0f}  "
            f"{units:,} units, once each"
        )


def _turn(folder: Path, count: int, options: argparse.Namespace) -> tuple[float, float, float, float]:
    """Return units a second, processor seconds of Redis and of the clients, and seconds of the clock."""
    context = multiprocessing.get_context("spawn")
    ready, ended = context.Barrier(options.processes + 1), context.Event()
    results: Any = context.Queue()
    shares = [
        count // options.processes + (rest < count % options.processes) for rest in range(options.processes)
    ]
    processes = [
        context.Process(target=_simulate, args=(share, ready, ended, results), daemon=True)
        for share in shares
    ]
    for process in processes:
        process.start()
    try:
        return _measure(folder, options.units, processes, ready, ended, results)
    finally:
        ended.set()
        for process in processes:
            process.join(30)


def _measure(
    folder: Path, units: int, processes: list[Any], ready: Any, ended: Any, results: Any
) -> tuple[float, float, float, float]:
    from workers.ledger.ledger import process_ledger

    ledger, client = process_ledger(), redis.Redis.from_url(os.environ["CAPQ_REDIS_URL"])
    ready.wait(120)
    job = ledger.create("generate", _request(folder, units), total=units)
    server_before = _server_seconds(client)
    before = [_processor_seconds(process.pid) for process in processes]
    started_at = time.monotonic()
    publisher = threading.Thread(target=_publish, args=(ledger, job))
    publisher.start()
    progress, progressed_at = 0, started_at
    while not (record := ledger.get(job.id)).state.closed:
        if record.done > progress:
            progress, progressed_at = record.done, time.monotonic()
        if time.monotonic() - progressed_at > _STALLED_SECONDS:
            raise SystemExit(f"lost: {units - record.done} of {units} units have not ended")
        time.sleep(0.2)
    seconds = time.monotonic() - started_at
    server = _server_seconds(client) - server_before
    clients = sum(_processor_seconds(p.pid) for p in processes) - sum(before)
    publisher.join()
    ended.set()
    _check(ledger, job.id, units, [results.get(timeout=60) for _ in processes])
    ledger.delete(job.id)
    return units / seconds, server, clients, seconds


def _publish(ledger: Any, job: Any) -> None:
    from workers.units import publishing

    publishing.publish(ledger, job.id)
    publishing.publish_units(job, range(0, job.total, DOUBLED))


def _server_seconds(client: Any) -> float:
    cpu = client.info("cpu")
    return float(cpu["used_cpu_sys"] + cpu["used_cpu_user"])


def _check(ledger: Any, job_id: str, units: int, counted: list[dict[int, int]]) -> None:
    """End the program where a unit was lost, or had its effect more than once."""
    record = ledger.get(job_id)
    effects = collections.Counter[int]()
    for counts in counted:
        effects.update(counts)
    doubled = sum(effects.values()) - len(effects)
    if (
        record.done != units
        or record.counts["images"] != units
        or set(effects) != set(range(units))
        or doubled
    ):
        raise SystemExit(
            f"{record.done} of {units} units done, {record.counts['images']} counted, "
            f"{units - len(effects)} lost, {doubled} doubled"
        )


def _simulate(count: int, ready: Any, ended: Any, results: Any) -> None:
    """Be so many workers, each with a consumer and a thread; put how often each unit was recorded."""
    from workers.kinds import KINDS
    from workers.kinds.base import Outcome
    from workers.ledger.ledger import Ledger

    recorded: queue.SimpleQueue[int] = queue.SimpleQueue()
    record = Ledger.record

    def noted(ledger: Ledger, job_id: str, unit: int, owner: str, **fields: Any) -> Any:
        result = record(ledger, job_id, unit, owner, **fields)
        if result.first:
            recorded.put(unit)
        return result

    nothing = {
        "run": lambda *_: Outcome(counts={"images": 1}),
        "finish": lambda *_: {},
        "tidy": lambda *_: None,
        "prepare": lambda: None,
    }
    with mock.patch.multiple(KINDS["generate"], **nothing), mock.patch.object(Ledger, "record", noted):
        threads = [threading.Thread(target=_consume, args=(ended,), daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        ready.wait(120)
        ended.wait()
        for thread in threads:
            thread.join(10)
    results.put(dict(collections.Counter(recorded.get() for _ in range(recorded.qsize()))))


def _consume(ended: Any) -> None:
    """Take messages one at a time, and run their units as a pool process does, until told to end."""
    import kombu

    from workers.app import CPU, app

    with app.connection_for_read() as connection, connection.channel() as channel:
        channel.basic_qos(0, 1, False)
        with kombu.Consumer(channel, [app.amqp.queues[CPU]], callbacks=[_run_message], accept=["json"]):
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    connection.drain_events(timeout=1)


def _run_message(body: Any, message: Any) -> None:
    from workers.units import execution
    from workers.units.publishing import FINISH_TASK

    job_id, *unit = body[0]
    owner = f"{secrets.token_hex(8)}-"
    if message.headers["task"] == FINISH_TASK:
        execution.finish_job(job_id, owner)
    else:
        execution.run_unit("generate", job_id, unit[0], owner)
    message.ack()


if __name__ == "__main__":
    main()
