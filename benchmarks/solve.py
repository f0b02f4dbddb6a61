"""A folder of images read end to end: capq, the origin's network, other makers' readers, a plain loop.

    pip install '.[benchmarks]'
    python benchmarks/solve.py [--count 20000] [--format png|jpeg] [--images DIR] [--damaged 0.01]

All read the same files, from a file's path to its text, on all cores; they take turns in every
round, and figures are medians. "capq solve-dir, worker up" is the whole command against a
runtime whose worker has the network loaded; "nothing up" starts Redis and workers as well. The
origin's network goes through the same command with random weights, so it reads nothing right
and is as fast as a trained one. Slow readers read the first --peer-count files only: one
process a core, one thread each (the fastest way for them), and the speed for all files is
extrapolated as start-up plus the time an image; "images" tells how many were read. The PyTorch
loop is one process with a thread a core.

Memory is the peak over all of a contender's processes together, shared pages counted once
(PSS; RSS where the system has no PSS). Then where capq's time goes: each stage by itself, one
after the other, in one process a core at the same time; what decoding and the network (with
its CTC decoding) cost by themselves is what the whole command is held against. With --damaged,
that share of the files is cut short, and both folders are read in turns.
"""

import argparse
import multiprocessing
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import peers
import psutil
from command import Capq
from peers import Pool, Reader

from captcha_core import engines
from captcha_core.images import decoding
from captcha_core.networks import checkpoint
from captcha_core.solving.reading import ROWS_SUFFIX
from captcha_core.tables import Row
from captcha_core.tables.formats import open_table, read_table
from workers.process import launch

STAGES = ("read", "decode", "network", "ctc", "write")
BOUND = "decoding and the network"
STAGE_BATCH = 128
LOOK_SECONDS = 0.5  # more often would take the cores from those looked at


@dataclass
class Figures:
    """What was measured of one contender, a value a round.

    Attributes
    ----------
    images
        How many it read.
    speeds
        Images a second of the whole, start-up included.
    truths, texts
        What the files say and what was read, in the last round.
    megabytes, first
        Peak memory; seconds until the first result.
    """

    images: int = 0
    speeds: list[float] = field(default_factory=list)
    truths: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)

    @property
    def speed(self) -> float:
        return statistics.median(self.speeds)


def main() -> None:
    options = arguments()
    cores = len(os.sched_getaffinity(0))
    with (
        tempfile.TemporaryDirectory(prefix="capq-") as place,
        peers.labelled_images(options.images, options.count, options.format, cores) as made,
    ):
        folder = Path(place)
        paths = copied(folder / "all", made)
        vgg = peers.random_vgg(folder / "vgg")
        capq = Solving(folder)
        try:
            found, stages = contest(capq, paths, str(vgg), options, cores)
            report(found, len(paths), options, cores)
            report_stages(stages, found[ENDS], options, cores)
            if options.damaged:
                damage(capq, folder, paths, options)
        finally:
            capq("local", "stop")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--format", choices=["png", "jpeg"], default="png")
    parser.add_argument(
        "--images", type=Path, help="folder of TEXT_anything files to use instead of fresh ones"
    )
    parser.add_argument("--peer-count", type=int, default=1000, help="files that the slow readers read")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--checkpoint", default=checkpoint.DEFAULT, help="capq's network")
    parser.add_argument("--damaged", type=float, default=0.01, help="share of damaged files; 0 leaves it out")
    parser.add_argument(
        "--only", nargs="*", metavar="NAME", help="of the other readers, those with such a name"
    )
    options = parser.parse_args()
    if min(options.count, options.peer_count, options.rounds) < 1 or not 0 <= options.damaged < 1:
        parser.error("--count, --peer-count, --rounds: 1 at least; --damaged: from 0 to less than 1")
    options.peer_count = min(options.peer_count, options.count)
    return options


ENDS = "capq solve-dir, worker up"
COLD = "capq solve-dir, nothing up"
ORIGIN = "capq solve-dir, the origin's network"
LOOP = "PyTorch loop, capq's network"


def copied(folder: Path, made: Iterable[Path]) -> list[Path]:
    """Copy files into a folder of their own; return them in the order of their names."""
    folder.mkdir()
    for path in made:
        shutil.copyfile(path, folder / path.name)
    os.sync()  # pages that wait for the disk would slow the first reader down
    return sorted(folder.iterdir())


class Solving(Capq):
    """`capq solve-dir`, measured.

    Attributes
    ----------
    out
        The table it writes.
    megabytes
        Resident memory of the last command itself, at its most.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.out = folder / "results.csv"
        self.megabytes = 0.0

    def solve(self, images_folder: Path, network: str) -> tuple[float, float, list[Row]]:
        """Run the command; return its seconds, those until the first result, and the rows."""
        seconds, first = self.run(images_folder, network)
        return seconds, first, list(read_table(str(self.out)))

    def run(self, images_folder: Path, network: str, *options: str) -> tuple[float, float]:
        """Run the command; return its seconds, and those until the first result."""
        arguments = [
            "solve-dir",
            str(images_folder),
            "--out",
            str(self.out),
            "--checkpoint",
            network,
            "--overwrite",
            *options,
        ]
        started, first = time.perf_counter(), 0.0
        command = self.start(*arguments)
        ended = threading.Event()

        def watch() -> None:
            nonlocal first
            while not ended.wait(LOOK_SECONDS if first else 0.01):
                if not first and any(Path(f"{self.out}.parts").glob(f"*/*{ROWS_SUFFIX}")):
                    first = time.perf_counter() - started
                self.megabytes = resident(command.pid, "VmHWM") or self.megabytes

        watcher = threading.Thread(target=watch)
        watcher.start()
        command.wait()
        seconds = time.perf_counter() - started
        ended.set()
        watcher.join()
        if command.returncode:
            raise SystemExit(f"capq {' '.join(arguments)} failed: {command.stderr and command.stderr.read()}")
        return seconds, first or seconds

    def processes(self) -> list[psutil.Process]:
        """Return the runtime's processes: those with its home, and what they started."""
        own = [each for each in psutil.process_iter() if _home(each) == self.home]
        return own + [child for each in own for child in _children(each)]


def resident(pid: int, field: str) -> float:
    """Return a figure of /proc/PID/status in megabytes, such as VmHWM, the most so far; 0 when it ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith(f"{field}:")), 0.0)


def _home(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("CAPQ_HOME")
    except psutil.Error:  # ended meanwhile, or another user's
        return None


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


class Memory:
    """The greatest memory that processes have together while a `with` block runs, in megabytes."""

    def __init__(self, processes: Callable[[], Iterable[psutil.Process]]) -> None:
        self._processes = processes
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.peak = 0.0

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            known = {each.pid: each for each in self._processes()}
            self.peak = max(self.peak, sum(_megabytes(each) for each in known.values()))


def _megabytes(process: psutil.Process) -> float:
    try:
        found = process.memory_full_info()
    except psutil.Error:
        return 0.0
    return float(getattr(found, "pss", found.rss)) / 1e6


def contest(
    capq: Solving, paths: list[Path], vgg: str, options: argparse.Namespace, cores: int
) -> tuple[dict[str, Figures], list[dict[str, float]]]:
    """Let all contenders read in turns; return their figures, and capq's stages in each round."""
    folder = paths[0].parent
    few = [paths[place * len(paths) // options.peer_count] for place in range(options.peer_count)]
    few_folder = folder.with_name("few")
    copied(few_folder, few)
    others = [each for each in peers.peers() if _asked(each.name, options.only)]
    found = {name: Figures() for name in (COLD, ENDS, ORIGIN, LOOP, *(each.name for each in others))}
    stages = []
    for _ in range(options.rounds):
        capq("local", "stop")
        command(found[COLD], capq, folder, options.checkpoint)
        command(found[ENDS], capq, folder, options.checkpoint)
        stages.append(stage_speeds(paths, options.checkpoint, cores))
        peak(found[ENDS], capq, folder, options.checkpoint)
        capq.solve(few_folder, vgg)  # loads it
        command(found[ORIGIN], capq, few_folder, vgg)
        peak(found[ORIGIN], capq, few_folder, vgg)
        capq("local", "stop")  # its memory and threads are nobody else's
        pool(
            found[LOOP],
            Reader(LOOP, peers.pytorch_loop, (options.checkpoint,)),
            paths,
            (1, cores),
            len(paths),
        )
        for reader in others:
            pool(found[reader.name], reader, few, (cores, 1), len(paths))
    return found, stages


def _asked(name: str, words: Sequence[str] | None) -> bool:
    return words is None or any(word in name for word in words)


def command(figures: Figures, capq: Solving, folder: Path, network: str) -> list[Row]:
    seconds, first, rows = capq.solve(folder, network)
    figures.images = len(rows)
    figures.speeds.append(len(rows) / seconds)
    figures.truths = [peers.truth(Path(row.path)) for row in rows]
    figures.texts = [row.text for row in rows]
    figures.first.append(first)
    return rows


def peak(figures: Figures, capq: Solving, folder: Path, network: str) -> None:
    """Run the command once more for its memory: looking takes time from one that is short."""
    with Memory(capq.processes) as memory:
        capq.run(folder, network)
    figures.megabytes.append(memory.peak)


def pool(figures: Figures, reader: Reader, paths: list[Path], size: tuple[int, int], total: int) -> None:
    """Let (processes, threads) read `paths`, and give the speed that this makes for `total` of them.

    Then they read again for their memory, as `peak` has it.
    """
    started = time.perf_counter()
    readers = Pool(reader, *size)
    readers.read(paths[: 8 * size[0]])
    ready = time.perf_counter()
    figures.texts = readers.read(paths)
    seconds = time.perf_counter() - ready
    with Memory(lambda: psutil.Process().children(recursive=True)) as memory:
        readers.read(paths)
    readers.close()
    figures.images = len(paths)
    figures.truths = [peers.truth(path) for path in paths]
    figures.speeds.append(total / (ready - started + total * seconds / len(paths)))
    figures.megabytes.append(memory.peak)


def report(found: dict[str, Figures], count: int, options: argparse.Namespace, cores: int) -> None:
    best = found[ENDS].speed
    print(f"{count:,} {options.format} files, {cores} cores, {options.rounds} round(s)\n")
    print(
        f"{'':<38}{'images':>8}{'images/s':>10}{'capq is':>10}{'whole images':>14}{'peak memory':>13}"
        f"{'first row':>11}"
    )
    for name, each in found.items():
        right = peers.scored(each.truths, each.texts).accuracy.value or 0
        first = f"{statistics.median(each.first):.1f} s" if each.first else ""
        memory = f"{max(each.megabytes):,.0f} MB" if each.megabytes else ""
        print(
            f"{name:<38}{each.images:>8,}{each.speed:>10,.0f}{best / each.speed:>8.1f} ×"
            f"{right:>14.2%}{memory:>13}{first:>11}"
        )


def stage_speeds(paths: list[Path], name: str, cores: int) -> dict[str, float]:
    """Return the images a second of each stage by itself, and of the bound: decoding, then the network."""
    shares = [paths[place::cores] for place in range(cores)]
    before = dict(os.environ)
    os.environ.update(launch.environment(cores))
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as executor:
        runs = list(executor.map(stage_seconds, shares, [name] * cores))
    os.environ.clear()
    os.environ.update(before)
    seconds = {stage: statistics.mean(run[stage] for run in runs) for stage in STAGES}
    seconds[BOUND] = seconds["decode"] + seconds["network"] + seconds["ctc"]
    return {stage: len(paths) / each for stage, each in seconds.items()}


def report_stages(
    rounds: list[dict[str, float]], ours: Figures, options: argparse.Namespace, cores: int
) -> None:
    engine = engines.load(checkpoint.load(options.checkpoint), "cpu").name
    print(f"\neach stage by itself, on {cores} cores at once ({engine})\n")
    speeds = {stage: statistics.median(each[stage] for each in rounds) for stage in (*STAGES, BOUND)}
    for stage in STAGES:
        print(f"{stage:<10}{speeds[stage]:>10,.0f} images/s")
    shares = [speed / each[BOUND] for speed, each in zip(ours.speeds, rounds, strict=True)]
    print(
        f"\ndecoding and the network one after the other: {speeds[BOUND]:,.0f} images/s; "
        f"the whole command with a worker up: {statistics.median(shares):.0%} of that "
        f"({', '.join(f'{share:.0%}' for share in shares)})"
    )


def stage_seconds(paths: list[Path], name: str) -> dict[str, float]:
    """Take a share of the files through all stages on one thread; return the seconds of each."""
    import numpy as np

    found = checkpoint.load(name)
    engine, problem = engines.load(found, "cpu"), found.model.problem
    seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        seconds[stage] += time.perf_counter() - started

    engine.logits(np.zeros((STAGE_BATCH, problem.size[1], problem.size[0], problem.channels), np.uint8))
    with tempfile.TemporaryDirectory() as folder, open_table(f"{folder}/results.csv") as table:
        for start in range(0, len(paths), STAGE_BATCH):
            some = paths[start : start + STAGE_BATCH]
            with timed("read"):
                files = [path.read_bytes() for path in some]
            with timed("decode"):
                pixels = np.stack([decoding.decode(each, problem.size, grey=problem.grey) for each in files])
            with timed("network"):
                logits = engine.logits(pixels)
            with timed("ctc"):
                readings = found.codec.decode(logits).answers()
            with timed("write"):
                rows = [
                    Row(path=path.name, text=each.text, confidence=each.confidence)
                    for path, each in zip(some, readings, strict=True)
                ]
                table.write(rows)
    return seconds


def damage(capq: Solving, folder: Path, paths: list[Path], options: argparse.Namespace) -> None:
    """Cut a share of the files short, and read both folders in turns."""
    bad_folder = folder / "damaged"
    every = round(1 / options.damaged)
    bad = {path.name for path in paths[::every]}
    for path in copied(bad_folder, paths):
        if path.name in bad:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    capq.solve(bad_folder, options.checkpoint)  # the worker is up again
    sound, hurt = Figures(), Figures()
    for _ in range(options.rounds):
        clean = command(sound, capq, paths[0].parent, options.checkpoint)
        rows = command(hurt, capq, bad_folder, options.checkpoint)
    refused = {Path(row.path).name for row in rows if row.error}
    texts = {row.path: row.text for row in clean}
    read = [row for row in rows if not row.error]
    same = sum(row.text == texts[row.path] for row in read)
    print(f"\n{len(bad):,} of {len(paths):,} files cut short: {len(rows):,} rows")
    print(f"{len(refused & bad):,} of the cut ones have an error, {len(refused - bad):,} of the others")
    print(f"{same:,} of {len(read):,} texts are those without damaged files")
    print(f"{hurt.speed / sound.speed:.2f} of the speed without damaged files")


if __name__ == "__main__":
    main()
