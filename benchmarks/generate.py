"""`capq generate` on two workers against the bare renderer on one core.

    python benchmarks/generate.py [--shards 50] [--per-shard 1000] [--rounds 5]

The bare side renders and encodes the same images in this process, pinned to one core. The
other side is whole jobs on the embedded runtime with two render processes, from the moment
the first shard begins to the moment the dataset is finished. Both take turns; medians.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from command import Capq

from captcha_core.rendering import open_renderer
from captcha_core.rendering.encoding import encode
from captcha_core.spec import Spec


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shards", type=int, default=50)
    parser.add_argument("--per-shard", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    alone, together, whole = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        capq = Generating(Path(folder))
        capq.generate(2, 100, "warm-up")
        try:
            for number in range(options.rounds):
                alone.append(bare(4 * options.per_shard))
                job, command = capq.generate(options.shards, options.per_shard, f"round-{number}")
                # Written pages that wait for the disk would slow the next round down.
                shutil.rmtree(Path(folder) / f"round-{number}")
                together.append(job)
                whole.append(command)
        finally:
            capq("local", "stop")
    one, two = statistics.median(alone), statistics.median(together)
    print(f"bare renderer with JPEG, one core   {one:8,.0f} images/s")
    print(f"capq generate, two processes        {two:8,.0f} images/s")
    print(f"capq generate, the whole command    {statistics.median(whole):8,.0f} images/s")
    print(f"two processes / (2 x one core)      {two / (2 * one):8.2f}")


def bare(count: int) -> float:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        spec = Spec()
        renderer = open_renderer(spec)
        renderer.batch(0, 0, 0, 64)
        started = time.perf_counter()
        for start in range(0, count, 64):
            for image in renderer.batch(1, 0, start, 64)[0]:
                encode(image, spec)
        return count / (time.perf_counter() - started)
    finally:
        os.sched_setaffinity(0, cores)


class Generating(Capq):
    """`capq generate` on two render processes, measured."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, CAPQ_CPU_PROCESSES="2")
        self._folder = folder

    def generate(self, shards: int, per_shard: int, name: str) -> tuple[float, float]:
        """Return images a second of the job, and of the command as a whole."""
        started = time.perf_counter()
        options = ("--shards", str(shards), "--per-shard", str(per_shard), "--out", str(self._folder / name))
        job = json.loads(self("generate", *options, "--json"))
        images = shards * per_shard
        return images / (job["ended"] - job["started"]), images / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
