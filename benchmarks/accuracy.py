"""Accuracy and speed of capq's network, the origin's and other makers' readers, on the same images.

    pip install '.[benchmarks]'
    python benchmarks/accuracy.py [--count 20000] [--images DIR] [--threads 1] [--vgg CHECKPOINT]

The images are fresh ones by upstream itself (170×80, 4 characters of 0-9A-Z with repeats, PNG).
First table, from file to text: each reader in a process of its own, all of them on the same
cores and with the same number of threads. The images are cut in as many parts as there are
rounds; in a round each reader reads the same part, so that other load falls on all alike.
"0 = O" counts these two as one character. Second table, the network alone: images that lie
decoded in memory, each network with its best batch. Speeds are medians, and the ratios are
what counts. What was done for each peer is in benchmarks/peers.py.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import peers
from peers import Pool, Reader

from captcha_core import engines
from captcha_core.engines import Engine
from captcha_core.evaluation import Evaluation, Rate
from captcha_core.networks import checkpoint

BATCHES = (8, 16, 32, 64, 128, 256)
WARM_UP = 64


def main() -> None:
    options = arguments()
    cores = sorted(os.sched_getaffinity(0))
    os.environ["OMP_NUM_THREADS"] = str(options.threads)  # before any process imports PyTorch
    with (
        tempfile.TemporaryDirectory() as folder,
        peers.labelled_images(options.images, options.count, processes=len(cores)) as paths,
    ):
        os.sched_setaffinity(0, cores[: options.threads])  # all that is started from here on
        vgg = options.vgg or str(peers.random_vgg(Path(folder) / "vgg"))
        readers = chosen(options, vgg)
        print(f"{len(paths):,} images by captcha {metadata.version('captcha')}, {options.threads} thread(s)")
        print(", ".join(f"{name} {metadata.version(name)}" for name in ("ddddocr", "captcha-whisperer")))
        from_file_to_text(readers, paths, options)
        network_alone(options, vgg, paths[: max(BATCHES)])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument(
        "--images", type=Path, help="folder of TEXT_anything.png to use instead of fresh ones"
    )
    parser.add_argument("--peer-count", type=int, help="let all but capq's network read the first ones only")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn of the network alone")
    parser.add_argument("--checkpoint", default=checkpoint.DEFAULT, help="capq's network")
    parser.add_argument("--vgg", metavar="CHECKPOINT", help="the origin's network; random weights without")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of the peers, those with such a name")
    options = parser.parse_args()
    if options.count < options.rounds:
        parser.error("--count: give an image a round at least")
    if options.threads > len(os.sched_getaffinity(0)):
        parser.error("--threads: more than this machine has cores")
    return options


def ours_engines(name: str) -> list[str]:
    """Return the engines that a checkpoint can run on here; PyTorch comes first."""
    return [engines.TORCH, *reversed(engines.exported_engines(checkpoint.load(name)))]


def chosen(options: argparse.Namespace, vgg: str) -> list[Reader]:
    found = [
        Reader(f"capq, {engine}", peers.ours, (options.checkpoint, engine))
        for engine in ours_engines(options.checkpoint)
    ]
    others = [
        Reader(f"the origin's network{'' if options.vgg else ', random weights'}", peers.ours, (vgg, "torch"))
    ]
    others += peers.peers()
    if options.only:
        others = [each for each in others if any(word in each.name for word in options.only)]
    return found + others


def from_file_to_text(readers: Sequence[Reader], paths: Sequence[Path], options: argparse.Namespace) -> None:
    limits = {
        each.name: len(paths)
        if each.opener is peers.ours and each.arguments[0] == options.checkpoint
        else min(options.peer_count or len(paths), len(paths))
        for each in readers
    }
    pools = {each.name: Pool(each, 1, options.threads) for each in readers}
    speeds: dict[str, list[float]] = {each.name: [] for each in readers}
    texts: dict[str, list[str]] = {each.name: [] for each in readers}
    for pool in pools.values():
        pool.read(paths[:WARM_UP])
    for number in range(options.rounds):
        for name, pool in pools.items():
            own = paths[: limits[name]]
            part = own[number * len(own) // options.rounds : (number + 1) * len(own) // options.rounds]
            started = time.perf_counter()
            texts[name] += pool.read(part)
            speeds[name].append(len(part) / (time.perf_counter() - started))
    for pool in pools.values():
        pool.close()
    report(paths, texts, speeds)


def report(paths: Sequence[Path], texts: dict[str, list[str]], speeds: dict[str, list[float]]) -> None:
    best = max(statistics.median(each) for name, each in speeds.items() if name.startswith("capq"))
    print(
        f"\n{'from file to text':<38}{'images':>8}{'whole images (95 %)':>27}{'0 = O':>9}{'characters':>12}"
        f"{'images/s':>10}{'capq is':>9}"
    )
    for name, read in texts.items():
        truths = [peers.truth(path) for path in paths[: len(read)]]
        found = peers.scored(truths, read)
        folded = peers.scored([same_zero(each) for each in truths], [same_zero(each) for each in read])
        speed = statistics.median(speeds[name])
        print(
            f"{name:<38}{len(read):>8,}{interval(found.accuracy):>27}{share(folded):>9}"
            f"{found.character_accuracy.value or 0:>12.2%}{speed:>10,.0f}{best / speed:>7.1f} ×"
        )


def same_zero(text: str) -> str:
    return text.replace("0", "O")


def share(found: Evaluation) -> str:
    return f"{found.accuracy.value or 0:.2%}"


def interval(rate: Rate) -> str:
    low, high = rate.interval
    return f"{rate.value or 0:.2%} ({low:.2%}-{high:.2%})"


def network_alone(options: argparse.Namespace, vgg: str, paths: Sequence[Path]) -> None:
    wanted = {"the origin's network, torch": (vgg, engines.TORCH)}
    for engine in ours_engines(options.checkpoint):
        wanted[f"capq, {engine}"] = (options.checkpoint, engine)
    turns = {name: Turn(*place, paths) for name, place in wanted.items()}
    speeds: dict[str, list[float]] = {name: [] for name in turns}
    for turn in turns.values():
        turn.find_batch(options.seconds / 2)
    for _ in range(options.rounds):
        for name, turn in turns.items():
            speeds[name].append(turn.speed(turn.batch, options.seconds))
    origin = statistics.median(speeds["the origin's network, torch"])
    print(f"\n{'network alone':<38}{'batch':>8}{'images/s':>10}{'against the origin':>22}")
    for name, each in speeds.items():
        speed = statistics.median(each)
        print(f"{name:<38}{turns[name].batch:>8}{speed:>10,.0f}{speed / origin:>20.1f} ×")


class Turn:
    """One engine, and images that lie decoded in memory."""

    def __init__(self, name: str, engine: str, paths: Sequence[Path]) -> None:
        import numpy as np

        from captcha_core.solving.solver import Solver

        solver = Solver.load(name, "cpu", engine)
        self._engine: Engine = solver.engine
        self._images = np.stack([solver.decode(path) for path in paths])
        self.batch = BATCHES[0]

    def find_batch(self, seconds: float) -> None:
        sizes = [size for size in BATCHES if size <= len(self._images)]
        self.batch = max(sizes, key=lambda size: self.speed(size, seconds))

    def speed(self, batch: int, seconds: float) -> float:
        """Return images a second over at least that many seconds, after one batch that is not counted."""
        inputs = self._images[:batch]
        self._engine.logits(inputs)
        count, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < seconds:
            self._engine.logits(inputs)
            count += batch
        return count / passed


if __name__ == "__main__":
    main()
