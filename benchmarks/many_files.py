"""Does it stay flat? `capq solve-dir` on a million files against itself on ten thousand.

    python benchmarks/many_files.py [--count 1000000] [--few 10000] [--images DIR]

The files are hard links to a few thousand images by upstream, a thousand in a folder, read with
--recursive by a worker that is up and has the network loaded. Memory is what each process had
resident at its most: of the worker's processes, what came on top of what they had once they had
read the first few; of the command and of Redis, all of it.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import peers
from solve import Solving, resident

from captcha_core.networks import checkpoint

A_FOLDER = 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--originals", type=int, default=4000, help="different images")
    parser.add_argument(
        "--images", type=Path, help="folder of TEXT_anything.png to use instead of fresh ones"
    )
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="capq-", dir=options.images and options.images.parent) as place,
        peers.labelled_images(options.images, options.originals, processes=os.cpu_count() or 1) as made,
    ):
        folder = Path(place)
        linked(folder / "few", made, options.few)
        linked(folder / "many", made, options.count)
        capq = Solving(folder)
        try:
            read(capq, folder / "few")  # the worker comes up and loads the network
            few, _ = read(capq, folder / "few")
            loaded = {pid: resident(pid, "VmRSS") for pid in workers(capq)}
            many, first = read(capq, folder / "many")
            report(options, few, many, first)
            print(f"the command: {capq.megabytes:,.0f} MB at its most")
            for pid, before in loaded.items():
                above = resident(pid, "VmHWM") - before
                print(f"a process of the worker: {above:,.0f} MB on top of {before:,.0f} MB")
            redis = max(resident(pid, "VmHWM") for pid in named(capq, "redis"))
            print(f"Redis: {redis:,.0f} MB at its most")
        finally:
            capq("local", "stop")


def linked(folder: Path, originals: Sequence[Path], count: int) -> None:
    """Make a tree of `count` hard links."""
    for number in range(count):
        below = folder / f"{number // A_FOLDER:04d}"
        if number % A_FOLDER == 0:
            below.mkdir(parents=True)
        original = originals[number % len(originals)]
        os.link(original, below / f"{number:07d}{original.suffix}")


def read(capq: Solving, folder: Path) -> tuple[float, float]:
    """Return the seconds of the whole command, and those to the first result."""
    return capq.run(folder, checkpoint.DEFAULT, "--recursive")


def report(options: argparse.Namespace, few: float, many: float, first: float) -> None:
    print(f"{options.few:,} files in {few:.1f} s: {1e6 * few / options.few:,.0f} µs an image")
    print(f"{options.count:,} files in {many:.1f} s: {1e6 * many / options.count:,.0f} µs an image, ", end="")
    print(f"{many / options.count / (few / options.few):.2f} × that; the first result after {first:.1f} s")


def workers(capq: Solving) -> list[int]:
    """Return the processes that read images: the children of the gpu worker that have worked."""
    parents = [each for each in capq.processes() if "workers.process.launch" in each.cmdline()]
    children = [child for parent in parents for child in parent.children()]
    return sorted({child.pid for child in children if "spawn_main" in " ".join(child.cmdline())})


def named(capq: Solving, name: str) -> list[int]:
    return [each.pid for each in capq.processes() if name in each.name()]


if __name__ == "__main__":
    main()
