"""How long the first image takes: with the compiled renderer on disk, and with nothing at all.

    python benchmarks/cold_start.py [--rounds 5]

Prints, as seconds and as a multiple of a bare `import numpy, PIL` in the same interpreter:
the first image of a fresh process that finds the machine code on disk, and the first shard
of `capq generate` on a runtime that has yet to start and to compile.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FIRST_IMAGE = "from captcha_core import Spec, rendering; rendering.open_renderer(Spec()).batch(0, 0, 0, 1)"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    run(FIRST_IMAGE)
    base, warm = [], []
    for _ in range(rounds):
        base.append(run("import numpy, PIL.Image"))
        warm.append(run(FIRST_IMAGE))
    unit = statistics.median(base)
    report("import numpy and Pillow", base, unit)
    report("first image, machine code on disk", warm, unit)
    report("first shard of capq generate, nothing on disk", [first_shard()], unit)


def run(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def first_shard() -> float:
    """Start a command with an empty cache and an empty home, and wait for its first shard's mark."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CAPQ_")}
        env = kept | {"CAPQ_HOME": f"{folder}/home", "NUMBA_CACHE_DIR": f"{folder}/cache"}
        capq = [sys.executable, "-m", "cli"]
        started = time.perf_counter()
        command = subprocess.Popen([*capq, "generate", "--shards", "4", "--out", f"{folder}/set"], env=env)
        marks = Path(folder) / "set" / ".capq"
        while not list(marks.glob("*.json")):
            time.sleep(0.01)
        seconds = time.perf_counter() - started
        command.wait()
        subprocess.run([*capq, "local", "stop"], env=env, check=True)
        return seconds


def report(name: str, seconds: list[float], unit: float) -> None:
    median = statistics.median(seconds)
    print(f"{name:<48}{median:7.2f} s {median / unit:7.1f} x")


if __name__ == "__main__":
    main()
