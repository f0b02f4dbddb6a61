"""Rendering with two cpu-workers of one process each against one: python benchmarks/containers.py

In a clone whose docker-compose.yml is up, with CAPQ_CPU_PROCESSES=1 and CAPQ_DATA=./data in its ``.env``.
The same job is rendered in turns by one container and by two; printed are the images a second of each
turn, the load of the machine before it, and the ratio of the medians. On two cores that do nothing else
it is near 2. With Docker Compose: podman-compose takes no surplus containers away.
"""

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

BAR = 1.8
DEADLINE = 120.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--compose", default="docker compose", help="the command, with its options")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--shards", type=int, default=40)
    parser.add_argument("--images", type=int, default=1000, help="in a shard")
    arguments = parser.parse_args()
    compose = Compose(shlex.split(arguments.compose))
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(arguments.turns):
        for workers in (1, 2):
            compose.scale(workers)
            load = os.getloadavg()[0]
            rates[workers].append(compose.rate(arguments.shards, arguments.images))
            print(f"{workers} cpu-worker: {rates[workers][-1]:,.0f} images/s, load before {load:.1f}")
    ratio = statistics.median(rates[2]) / statistics.median(rates[1])
    print(f"two against one: {ratio:.2f}, at least {BAR} wanted")


class Compose:
    """The compose file of this folder."""

    def __init__(self, command: list[str]) -> None:
        self._command = command

    def _run(self, *arguments: str) -> str:
        command = [*self._command, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def capq(self, *arguments: str) -> Any:
        """Return what a command prints with ``--json``."""
        lines = self._run("--profile", "cli", "run", "--rm", "-T", "cli", *arguments, "--json").splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith(("{", "[")))
        return json.loads("\n".join(lines[start:]))

    def scale(self, workers: int) -> None:
        """Have so many cpu-workers, and wait until they answer."""
        self._run("up", "--detach", "--no-build", "--scale", f"cpu-worker={workers}", "cpu-worker")
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if sum(worker["queues"] == ["cpu"] for worker in self.capq("workers")) == workers:
                return
        raise TimeoutError(f"{workers} cpu-workers do not answer")

    def rate(self, shards: int, images: int) -> float:
        """Return the images a second of a job that nobody has done before."""
        out = f"benchmark-{time.time_ns()}"
        job = self.capq("generate", "--shards", str(shards), "--per-shard", str(images), "--out", out)
        shutil.rmtree(Path("data") / out)
        return float(shards * images / (job["ended"] - job["started"]))


if __name__ == "__main__":
    main()
